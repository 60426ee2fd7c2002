// The frame of every page: header, navigation, the line about lost contact, notices. Moves the focus to a new page's content.
import { Link, Outlet, useRouterState } from '@tanstack/react-router';
import { type ReactNode, useEffect, useRef, useState } from 'react';
import { formatClock, text } from '../text/text.ts';
import { Button } from '../ui/button.tsx';
import { MenuIcon } from '../ui/icons.tsx';
import { Notices } from '../ui/notices.tsx';
import { useContact } from './live.ts';
import './shell.css';

const PLACES = [['/connections', text.nav.connections]] as const;

export function Shell(): ReactNode {
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
        <div className="shell-end" />
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

function ContactLine(): ReactNode {
  const { live, lastHeardAt } = useContact();
  return (
    <div role="alert" className={live ? 'visually-hidden' : 'shell-lost'}>
      {live ? '' : text.live.lost(formatClock(lastHeardAt))}
    </div>
  );
}
