// The frame of every page: header, navigation, the line about lost contact, notices. Moves the focus to a new page's content.
import { useQueryClient } from '@tanstack/react-query';
import { Link, Outlet, useRouterState } from '@tanstack/react-router';
import { type ReactNode, useEffect, useRef, useState } from 'react';
import { onLoggedOut } from '../api/call.ts';
import { type Session, useLogOut, useSession } from '../api/session.ts';
import { LogIn } from '../pages/log-in/log-in.tsx';
import { formatClock, text } from '../text/text.ts';
import { Button } from '../ui/button.tsx';
import { MenuIcon } from '../ui/icons.tsx';
import { Notices, notify, notifyFailure } from '../ui/notices.tsx';
import { useContact } from './live.ts';
import './shell.css';

const PLACES = [
  ['/connections', text.nav.connections],
  ['/start', text.firstRun.link],
  ['/try', text.nav.tryUplink],
  ['/events', text.nav.events],
  ['/workers', text.nav.workers],
  ['/settings', text.nav.settings],
  ['/about', text.nav.about],
] as const;

export function Shell(): ReactNode {
  const session = useSession();
  const queries = useQueryClient();
  // A session that has ended is found out by whatever is asked next.
  useEffect(() => onLoggedOut(() => queries.setQueryData(['session'], null)), [queries]);
  if (session.data === null) return <LogIn />;
  return <Frame session={session.data ?? null} />;
}

function Frame({ session }: { readonly session: Session | null }): ReactNode {
  const [isMenuOpen, setMenuOpen] = useState(false);
  const path = useRouterState({ select: (state) => state.location.pathname });
  const main = useRef<HTMLElement>(null);
  const lastPath = useRef(path);
  useEffect(() => {
    if (lastPath.current === path) return;
    lastPath.current = path;
    setMenuOpen(false);
    main.current?.focus();
  }, [path]);
  return (
    <div className="shell">
      <a className="skip" href="#content">
        {text.nav.skip}
      </a>
      <header className="shell-header">
        <span className="shell-menu-button">
          <Button kind="quiet" label={text.nav.menu} onPress={() => setMenuOpen(!isMenuOpen)}>
            <MenuIcon />
          </Button>
        </span>
        <Link to="/connections" className="shell-brand">
          <img src="/ui/icon.svg" alt="" width="28" height="28" />
          {text.product}
        </Link>
        <div className="shell-end">{session?.hasUsers === true && <Whoami session={session} />}</div>
      </header>
      <ContactLine />
      <nav className={`shell-nav${isMenuOpen ? ' is-open' : ''}`} aria-label={text.nav.menu}>
        <ul>
          {PLACES.map(([to, label]) => (
            <li key={to}>
              <Link to={to} activeProps={{ 'aria-current': 'page' }}>
                {label}
              </Link>
            </li>
          ))}
        </ul>
      </nav>
      <main id="content" ref={main} className="shell-main" tabIndex={-1}>
        <Outlet />
      </main>
      <Notices />
    </div>
  );
}

function Whoami({ session }: { readonly session: Session }): ReactNode {
  const logOut = useLogOut();
  return (
    <>
      <span className="muted">{text.logIn.as(session.name, session.role)}</span>
      {session.kind === 'session' && (
        <Button kind="quiet" small onPress={() => logOut.mutate(undefined, { onError: notifyFailure })}>
          {text.nav.logOut}
        </Button>
      )}
    </>
  );
}

function ContactLine(): ReactNode {
  const { live, lastHeardAt } = useContact();
  const wasLive = useRef(live);
  useEffect(() => {
    if (live && !wasLive.current) notify(text.live.back);
    wasLive.current = live;
  }, [live]);
  return (
    <div role="alert" className={live ? 'visually-hidden' : 'shell-lost'}>
      {live ? '' : text.live.lost(formatClock(lastHeardAt))}
    </div>
  );
}
