// Chooses a role.
import type { ReactNode } from 'react';
import type { Role } from '../../../domain/access.ts';
import { text } from '../../text/text.ts';

const ROLES = Object.keys(text.access.roles) as Role[];

export interface RoleFieldProps {
  readonly label: string;
  readonly value: Role;
  readonly onChange: (role: Role) => void;
}

export function RoleField({ label, value, onChange }: RoleFieldProps): ReactNode {
  return (
    <label className="field">
      <span className="field-label">{label}</span>
      <select className="input" value={value} onChange={(event) => onChange(event.target.value as Role)}>
        {ROLES.map((role) => (
          <option key={role} value={role}>
            {text.access.roles[role]}
          </option>
        ))}
      </select>
    </label>
  );
}
