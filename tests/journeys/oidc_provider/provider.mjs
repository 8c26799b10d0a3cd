// An OpenID provider for one client: `node provider.mjs '{"port": ..., "client": {...}}'`.
// Says what it does on standard output, a JSON object per line. Any name logs in; there are no passwords.
import { Provider } from 'oidc-provider';

const { port, client, idTokenSeconds } = JSON.parse(process.argv[2]);
const issuer = `http://localhost:${port}`;
const say = (event, detail = {}) => process.stdout.write(`${JSON.stringify({ event, ...detail })}\n`);

const provider = new Provider(issuer, {
  clients: [client],
  claims: { openid: ['sub', 'sid'], email: ['email'], profile: ['given_name', 'family_name'] },
  conformIdTokenClaims: false,
  cookies: { keys: ['a key that signs cookies'] },
  features: { backchannelLogout: { enabled: true }, devInteractions: { enabled: true } },
  // Its own dispatcher refuses loopback addresses, where the client is here.
  fetch: (url, options) => globalThis.fetch(url, { ...options, dispatcher: undefined }),
  findAccount: (_, id) => ({
    accountId: id,
    claims: () => ({ sub: id, email: `${id}@second.example`, given_name: id, family_name: 'Second' }),
  }),
  issueRefreshToken: () => true,
  pkce: { required: () => true },
  rotateRefreshToken: true,
  ttl: { IdToken: idTokenSeconds, AccessToken: 600, RefreshToken: 3600, Session: 3600, Grant: 3600, Interaction: 600 },
});

provider.on('grant.success', (ctx) => say('grant', { type: ctx.oidc.params.grant_type }));
provider.on('grant.error', (ctx, error) => say('refused', { error: error.error, detail: error.error_detail }));
provider.on('backchannel.success', () => say('reported'));
provider.on('backchannel.error', (ctx, error) => say('report-failed', { error: String(error.cause ?? error) }));
provider.on('server_error', (ctx, error) => say('error', { error: error.message }));
provider.listen(port, '127.0.0.1', () => say('listening'));
