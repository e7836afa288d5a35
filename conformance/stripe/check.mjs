// The whole flow of a payment against `lastseat sandbox`, with Stripe's own SDK for Node, unmodified.
//
//   node check.mjs PROGRAM
//
// Starts the program, and ends it.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Stripe from 'stripe'

const SECRET = 'whsec_conformance'
const received = []
// What came to the endpoint that the SDK has made.
const atEndpoint = []
const hook = createServer(async (request, response) => {
  const parts = []
  for await (const part of request) parts.push(part)
  const list = request.url === '/hook' ? received : atEndpoint
  list.push([Buffer.concat(parts), request.headers['stripe-signature']])
  response.end()
})
await new Promise((listening) => hook.listen(0, '127.0.0.1', listening))

async function refused(type, code, call) {
  const error = await call().then(() => null, (error) => error)
  assert.equal(error?.type, type)
  assert.equal(error.code, code)
  return error
}

async function run(stripe) {
  const fresh = { amount: 1200, currency: 'eur', capture_method: 'manual', payment_method_types: ['card'], metadata: { lastseat_show: 'demo' } }
  const intents = stripe.paymentIntents

  // Idempotency.
  const first = await intents.create(fresh, { idempotencyKey: 'a' })
  const again = await intents.create(fresh, { idempotencyKey: 'a' })
  assert.equal(again.id, first.id)
  assert.equal(again.lastResponse.headers['idempotent-replayed'], 'true')
  await refused('StripeIdempotencyError', undefined, () => intents.create({ ...fresh, amount: 1300 }, { idempotencyKey: 'a' }))

  // A decline, then a success, then the capture.
  const declined = await refused('StripeCardError', 'card_declined', () => intents.confirm(first.id, { payment_method: 'pm_card_chargeDeclined' }))
  assert.equal(declined.decline_code, 'generic_decline')
  assert.equal(declined.payment_intent.status, 'requires_payment_method')
  assert.equal((await intents.confirm(first.id, { payment_method: 'pm_card_visa' })).status, 'requires_capture')
  const { latest_charge: charge } = await intents.retrieve(first.id, { expand: ['latest_charge'] })
  assert.ok(charge.payment_method_details.card.capture_before > Date.now() / 1000)
  assert.equal((await intents.capture(first.id)).amount_received, 1200)

  // Refunds.
  assert.equal((await stripe.refunds.create({ payment_intent: first.id, amount: 200 })).amount, 200)
  assert.equal((await stripe.refunds.create({ charge: charge.id })).amount, 1000)
  await refused('StripeInvalidRequestError', 'charge_already_refunded', () => stripe.refunds.create({ charge: charge.id }))

  // A card that has to authenticate, confirmed from a browser with the publishable key.
  const secure = await intents.create(fresh)
  const browser = new Stripe('pk_test_conformance', stripe.where)
  const confirmed = await browser.paymentIntents.confirm(secure.id, {
    client_secret: secure.client_secret, payment_method: 'pm_card_authenticationRequired', return_url: 'http://127.0.0.1:9/shop',
  })
  assert.equal(confirmed.status, 'requires_action')
  await refused('StripeAuthenticationError', 'secret_key_required', () => browser.paymentIntents.cancel(secure.id))
  const answer = await fetch(confirmed.next_action.redirect_to_url.url, {
    method: 'POST', redirect: 'manual', body: new URLSearchParams({ result: 'fail' }),
  })
  assert.match(answer.headers.get('location'), /redirect_status=failed/)
  assert.equal((await intents.retrieve(secure.id)).last_payment_error.code, 'payment_intent_authentication_failure')
  assert.equal((await intents.cancel(secure.id)).status, 'canceled')

  // Lists, page by page.
  for (let n = 0; n < 5; n++) await intents.create(fresh)
  const listed = await intents.list({ limit: 2 }).autoPagingToArray({ limit: 100 })
  assert.equal(new Set(listed.map((intent) => intent.id)).size, 7)
  await refused('StripeInvalidRequestError', 'amount_too_small', () => intents.create({ ...fresh, amount: 10 }))
}

async function webhooks() {
  for (let tries = 0; tries < 100 && !received.some(([body]) => body.includes('payment_intent.canceled')); tries++) {
    await new Promise((later) => setTimeout(later, 100))
  }
  const kinds = new Set(received.map(([body, signature]) => Stripe.webhooks.constructEvent(body, signature, SECRET).type))
  for (const kind of ['payment_intent.created', 'payment_intent.payment_failed', 'payment_intent.succeeded', 'payment_intent.canceled', 'charge.refunded']) {
    assert.ok(kinds.has(kind), kind)
  }
  const [body, signature] = received[0]
  assert.throws(() => Stripe.webhooks.constructEvent(body, signature, 'whsec_other'), /signature/i)
}

// Sets an endpoint up as a shop does at Stripe, gets an event there, and takes it down.
async function endpoints(stripe) {
  const made = await stripe.webhookEndpoints.create({
    url: `http://127.0.0.1:${hook.address().port}/endpoint`, description: 'shop', enabled_events: ['payment_intent.created'],
  }, { idempotencyKey: 'we' })
  assert.match(made.secret, /^whsec_/)
  assert.deepEqual((await stripe.webhookEndpoints.list()).data.map((one) => one.id), [made.id])
  const intent = await stripe.paymentIntents.create({ amount: 1200, currency: 'eur' })
  for (let tries = 0; tries < 100 && atEndpoint.length === 0; tries++) {
    await new Promise((later) => setTimeout(later, 100))
  }
  assert.equal(atEndpoint.length, 1)
  const [body, signature] = atEndpoint[0]
  const event = Stripe.webhooks.constructEvent(body, signature, made.secret)
  assert.deepEqual([event.type, event.data.object.id], ['payment_intent.created', intent.id])
  assert.throws(() => Stripe.webhooks.constructEvent(body, signature, SECRET), /signature/i)
  assert.equal((await stripe.webhookEndpoints.update(made.id, { disabled: true, enabled_events: ['*'] })).status, 'disabled')
  const shown = await stripe.webhookEndpoints.retrieve(made.id)
  assert.deepEqual([shown.enabled_events, shown.description, shown.secret], [['*'], 'shop', undefined])
  assert.equal((await stripe.webhookEndpoints.del(made.id)).deleted, true)
  await refused('StripeInvalidRequestError', 'resource_missing', () => stripe.webhookEndpoints.retrieve(made.id))
}

const data = mkdtempSync(join(tmpdir(), 'lastseat-'))
const program = spawn(process.argv[2], [
  'sandbox', '--listen', '127.0.0.1:0', '--data', data, '--webhook-secret', SECRET, '--webhook', `http://127.0.0.1:${hook.address().port}/hook`,
], { stdio: ['ignore', 'pipe', 'inherit'] })
try {
  let said = ''
  let address
  for await (const part of program.stdout.iterator({ destroyOnReturn: false })) {
    said += part
    address = said.match(/http:\/\/127\.0\.0\.1:(\d+) /)
    if (address) break
  }
  const where = { host: '127.0.0.1', port: Number(address[1]), protocol: 'http', maxNetworkRetries: 0 }
  const stripe = new Stripe('sk_test_conformance', where)
  stripe.where = where
  await run(stripe)
  await webhooks()
  await endpoints(stripe)
  console.log(JSON.stringify({ sdk: `stripe-node ${Stripe.PACKAGE_VERSION}`, webhooks: received.length }))
} finally {
  program.kill()
  hook.close()
  rmSync(data, { recursive: true, force: true })
}
process.exit(0)
