// The body of the function node behind the request: what HERE did not take is sent again after a while, for as long as it takes.
// Node-RED has no such thing by itself: without this node all that meets a 503 is lost.
const AGAIN_MS = 1000;

if (!(msg.statusCode >= 200 && msg.statusCode < 300)) {
  const { body } = msg;
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${env.get('HERE_TOKEN')}` };
  setTimeout(() => node.send({ payload: body, body, headers }), AGAIN_MS);
}
