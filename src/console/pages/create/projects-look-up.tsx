// "List my projects": the projects of the account that was typed, one of which gives the App ID.
import type { ReactNode } from 'react';
import { type Credentials, useListProjects } from '../../api/here.ts';
import { useDenial } from '../../api/session.ts';
import { formatCount, text } from '../../text/text.ts';
import { Button } from '../../ui/button.tsx';

const words = text.test;

export interface ProjectsLookUpProps {
  /** Null: not typed yet. */
  readonly credentials: Credentials | null;
  readonly onChoose: (appId: string) => void;
}

export function ProjectsLookUp({ credentials, onChoose }: ProjectsLookUpProps): ReactNode {
  const list = useListProjects();
  const denial = useDenial('operator');
  const projects = list.data;
  return (
    <div className="projects">
      <Button
        small
        deniedBecause={denial}
        isDisabled={credentials === null || list.isPending}
        onPress={() => credentials !== null && list.mutate(credentials)}
      >
        {words.listProjects}
      </Button>
      {credentials === null && <span className="muted"> {words.needsLogIn}</span>}
      <div role="status">
        {list.error !== null && <p className="field-error">{list.error.message}</p>}
        {projects?.length === 0 && <p>{words.noProjects}</p>}
        {projects !== undefined && projects.length > 0 && (
          <ul className="project-list" aria-label={words.choose}>
            {projects.map(({ appId, projectName, isExpired, devicesLeft }) => (
              <li key={appId}>
                <Button small label={`${projectName} ${appId}`} onPress={() => onChoose(appId)}>
                  {projectName}
                </Button>{' '}
                <span className="mono">{appId}</span>{' '}
                <span className="muted">
                  {isExpired ? words.expired : devicesLeft === null ? '' : words.left(formatCount(devicesLeft))}
                </span>
              </li>
            ))}
          </ul>
        )}
      </div>
    </div>
  );
}
