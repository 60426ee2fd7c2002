// The values of the HTTP server and of access to it: address, TLS, proxies, sessions, limits, single sign-on.
import * as kinds from './value-kinds.ts';
import { type ValueSpec, value } from './value-spec.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;

export const HTTP_VALUES: readonly ValueSpec[] = [
  ...value('http.host', kinds.host, '127.0.0.1', 'Where the API and `/health/live`, `/health/ready` listen.', {
    flag: '--http-host <host>',
  }),
  ...value('http.port', kinds.port, 8080, 'Their port; 0 is any free one.', { flag: '--http-port <port>' }),
  ...value(
    'http.open',
    kinds.yesNo,
    false,
    'Beyond the loopback interface without users: whoever reaches the address is administrator, unencrypted. Only where something else guards it.',
  ),
  ...value(
    'http.tls.certFile',
    kinds.filePath,
    null,
    'The certificate chain (PEM) to serve HTTPS with; read again when it changes.',
  ),
  ...value('http.tls.keyFile', kinds.filePath, null, 'The key of that certificate (PEM).'),
  ...value(
    'http.trustProxy',
    kinds.proxies,
    [],
    'Addresses (or `loopback`, `linklocal`, `uniquelocal`, networks as 10.0.0.0/8) of proxies that end TLS before the bridge and whose `X-Forwarded-*` are believed.',
  ),
  ...value(
    'http.hosts',
    kinds.hostNames,
    [],
    'Names by which the API may be addressed, besides those of the loopback interface there. Empty beyond it: any.',
  ),
  ...value(
    'http.corsOrigins',
    kinds.origins,
    [],
    'Web origins whose pages may use the API. Empty: none but the bridge’s own.',
  ),
  ...value(
    'http.requestsPerSecond',
    kinds.wholeNumber(1, 100_000),
    100,
    'What one client address may ask of the API on the average; five seconds’ worth at once.',
  ),
  ...value(
    'http.session.idleMs',
    kinds.wholeNumber(MINUTE_MS, 30 * DAY_MS),
    30 * MINUTE_MS,
    'A session ends after so long without a request.',
  ),
  ...value(
    'http.session.maxMs',
    kinds.wholeNumber(MINUTE_MS, 30 * DAY_MS),
    DAY_MS / 2,
    'A session ends so long after its log-in.',
  ),
  ...value(
    'http.firstAdminPassword',
    kinds.text(1024),
    null,
    'Makes the user `admin` with this password at a start that finds no users.',
    { secret: true },
  ),
  ...value(
    'http.oidc.issuer',
    kinds.url(['https:', 'http:'], 'address'),
    null,
    'OpenID Connect: the issuer whose bearer tokens are taken; `http://` on the loopback interface only.',
  ),
  ...value('http.oidc.audience', kinds.text(1024), null, 'OpenID Connect: the audience that tokens must be for.'),
  ...value(
    'http.oidc.nameClaim',
    kinds.claimPath,
    'preferred_username',
    'The claim that names the person in the audit; `sub` where it is missing.',
  ),
  ...value(
    'http.oidc.roleClaim',
    kinds.claimPath,
    'roles',
    'The claim that holds roles or groups, a text or a list; dots lead into objects (`realm_access.roles`).',
  ),
  ...value('http.oidc.roles.viewer', kinds.text(256), 'here-bridge-viewer', 'Its value for the role viewer.'),
  ...value('http.oidc.roles.operator', kinds.text(256), 'here-bridge-operator', 'Its value for the role operator.'),
  ...value('http.oidc.roles.admin', kinds.text(256), 'here-bridge-admin', 'Its value for the role admin.'),
];
