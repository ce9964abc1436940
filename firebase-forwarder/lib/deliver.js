// One delivery to the gateway: signed by the Standard Webhooks scheme, bounded in time, and repeated by Google when it
// fails, because throwing is how a function asks for that. Errors and logs carry event ids and status codes, never the
// account: Cloud Logging would keep it long after the account is gone.

const { createHash } = require('node:crypto');
const { Webhook } = require('standardwebhooks');

const ANSWER_WITHIN_MS = 10_000;

/**
 * Posts a body (lib/body.js) and returns when the gateway has it. Throws when it has not, so that Google repeats the
 * run; when the event is older than `keepTryingMs`, logs the loss and returns instead. Repeating is safe: the id stays
 * the same. `now` and `post` are there for tests.
 */
async function deliver(body, { url, secret, keepTryingMs, now = () => new Date(), post = fetch }) {
  try {
    await attempt(body, { url, secret, now: now(), post });
  } catch (error) {
    const happened = Date.parse(body.timestamp ?? body.time);
    // An age that cannot be told bounds nothing; Google's own limit does.
    if (Number.isNaN(happened) || now().getTime() - happened <= keepTryingMs) throw error;
    console.error(
      `giving up on event ${eventId(body)}: ${error.message}. The gateway was not told; reconcile by hand.`,
    );
  }
}

async function attempt(body, { url, secret, now, post }) {
  checkAddress(url);
  const text = JSON.stringify(body);
  const id = webhookId(eventId(body));
  let response;
  try {
    response = await post(url, {
      method: 'POST',
      body: text,
      headers: {
        'content-type': 'application/json',
        'user-agent': 'milestone-gateway-firebase-forwarder',
        'webhook-id': id,
        'webhook-timestamp': String(Math.floor(now.getTime() / 1000)),
        'webhook-signature': new Webhook(secret).sign(id, now, text),
      },
      // A redirect would take the delivery to an address that nobody configured.
      redirect: 'manual',
      signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
    });
  } catch (error) {
    throw new Error(`event ${id} was not delivered: ${error.cause?.code ?? error.name}`);
  }
  // Reading to the end lets the connection be used again; what it says is not ours to log.
  await response.arrayBuffer().catch(() => undefined);
  if (!response.ok) throw new Error(`event ${id} was not taken: the gateway answered ${response.status}`);
}

function eventId(body) {
  return body.eventId ?? body.id;
}

/** An id may not hold a dot, which separates the signed parts. Google promises no alphabet, so others are digested. */
function webhookId(id) {
  return /^[A-Za-z0-9_-]{1,128}$/.test(id) ? id : createHash('sha256').update(id).digest('hex');
}

function checkAddress(url) {
  if (!URL.canParse(url)) throw new Error('GATEWAY_TARGET_URL is not an address');
  const isLocalTest = process.env.FUNCTIONS_EMULATOR === 'true';
  if (new URL(url).protocol !== 'https:' && !isLocalTest) throw new Error('GATEWAY_TARGET_URL must be https');
}

module.exports = { deliver };
