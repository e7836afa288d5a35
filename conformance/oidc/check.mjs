// Tokens of a real OpenID provider (npm `oidc-provider`, unmodified): who signs in there holds seats and runs shows here.
//
//   node check.mjs PROGRAM
//
// Starts the provider and the program, and ends both.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Provider from 'oidc-provider'

const AUDIENCE = 'https://tickets.example'
const OTHER = 'https://another-program.example'
const SECRET = 'a secret of the client'
const CLIENTS = ['anna', 'bob', 'mary']
const KINDS = { RS256: ['rsa', { modulusLength: 2048 }], ES256: ['ec', { namedCurve: 'P-256' }], EdDSA: ['ed25519', {}] }

function newKey(alg) {
  const { privateKey } = generateKeyPairSync(...KINDS[alg])
  return { ...privateKey.export({ format: 'jwk' }), kid: `${alg}-key`, use: 'sig', alg }
}

// Listens at the port; `algs` are those of its keys, and `signs` says which a client's tokens are signed with.
async function startProvider(port, algs, signs) {
  const server = createServer()
  await new Promise((listening) => server.listen(port, '127.0.0.1', listening))
  const issuer = `http://127.0.0.1:${server.address().port}`
  const client = (client_id) => ({
    client_id,
    client_secret: SECRET,
    grant_types: ['client_credentials'],
    response_types: [],
    redirect_uris: [],
    token_endpoint_auth_method: 'client_secret_post',
  })
  const provider = new Provider(issuer, {
    jwks: { keys: algs.map(newKey) },
    clients: CLIENTS.map(client),
    clientDefaults: { id_token_signed_response_alg: algs[0] },
    enabledJWA: { idTokenSigningAlgValues: algs },
    extraTokenClaims: (_, token) => ({ groups: token.clientId === 'mary' ? ['everybody', 'shop-managers'] : ['everybody'] }),
    features: {
      clientCredentials: { enabled: true },
      devInteractions: { enabled: false },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (_, resource, { clientId }) =>
          ({ scope: '', audience: resource, accessTokenFormat: 'jwt', jwt: { sign: { alg: signs(clientId) } } }),
      },
    },
  })
  const answer = provider.callback()
  server.on('request', (request, response) => {
    // A kept connection would be a dead one after the provider was restarted.
    response.shouldKeepAlive = false
    answer(request, response)
  })
  const token = async (client_id, resource = AUDIENCE) => {
    const body = new URLSearchParams({ grant_type: 'client_credentials', client_id, client_secret: SECRET, resource })
    const response = await fetch(`${issuer}/token`, { method: 'POST', body })
    const answer = await response.json()
    assert.equal(response.status, 200, JSON.stringify(answer))
    return answer.access_token
  }
  const stop = () => new Promise((closed) => { server.close(closed); server.closeAllConnections() })
  return { issuer, port: server.address().port, token, stop }
}

async function startProgram(program, issuer) {
  const data = mkdtempSync(join(tmpdir(), 'lastseat-oidc-'))
  const flags = ['--oidc-issuer', issuer, '--oidc-audience', AUDIENCE, '--oidc-role-claim', 'groups', '--oidc-role', 'manager=shop-managers']
  const child = spawn(program, ['serve', '--listen', '127.0.0.1:0', '--data', join(data, 'd'), ...flags], { cwd: data, stdio: ['ignore', 'pipe', 'inherit'] })
  let greeting = ''
  const url = await new Promise((found, failed) => {
    child.on('exit', (status) => failed(new Error(`lastseat ended with ${status}`)))
    child.stdout.on('data', (text) => {
      greeting += text
      const line = greeting.match(/Seat map\s+(http:\S+?)\/?\s/)
      if (line) found(line[1])
    })
  })
  const stop = () => new Promise((ended) => {
    child.removeAllListeners('exit').on('exit', () => { rmSync(data, { recursive: true }); ended() })
    child.kill()
  })
  return { url, stop }
}

async function check(program) {
  let provider = await startProvider(0, ['RS256'], () => 'RS256')
  const server = await startProgram(program, provider.issuer)
  const send = async (method, path, token, body) => {
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
    const response = await fetch(server.url + path, { method, headers, body: body && JSON.stringify(body) })
    return { status: response.status, body: await response.json() }
  }
  const expect = async (status, ...request) => {
    const answer = await send(...request)
    assert.equal(answer.status, status, JSON.stringify(answer.body))
    return answer.body
  }
  const hold = (status, token) => expect(status, 'POST', '/v1/shows/demo/bookings', token, { area: 'floor', quantity: 1 })
  try {
    // A buyer has their own bookings, and no other's.
    const [anna, bob, mary] = await Promise.all(CLIENTS.map((name) => provider.token(name)))
    const { id } = await hold(201, anna)
    await expect(200, 'GET', `/v1/bookings/${id}`, anna)
    await expect(404, 'GET', `/v1/bookings/${id}`, bob)
    // A group of the provider is a role here.
    await expect(403, 'POST', '/v1/shows/demo/pause', anna)
    await expect(200, 'POST', '/v1/shows/demo/pause', mary)
    await expect(200, 'POST', '/v1/shows/demo/resume', mary)
    const listed = await expect(200, 'GET', '/v1/bookings', mary)
    assert.match(listed.data[0].buyer, /^oidc:[\w-]{43}$/)
    // A token for another program of the same provider, and one with a changed claim.
    assert.equal((await hold(401, await provider.token('anna', OTHER))).code, 'invalid_token')
    const [header, claims, signature] = anna.split('.')
    const changed = { ...JSON.parse(Buffer.from(claims, 'base64url')), groups: ['shop-managers'] }
    const forged = [header, Buffer.from(JSON.stringify(changed)).toString('base64url'), signature].join('.')
    assert.equal((await expect(401, 'POST', '/v1/shows/demo/pause', forged)).code, 'invalid_token')

    // The provider changes its keys: new tokens are accepted at once, those of withdrawn keys no more.
    await provider.stop()
    const signs = (client) => (client === 'mary' ? 'EdDSA' : 'ES256')
    provider = await startProvider(provider.port, ['ES256', 'EdDSA'], signs)
    const [later, latest] = [await provider.token('anna'), await provider.token('mary')]
    assert.equal((await expect(200, 'GET', `/v1/bookings/${id}`, later)).id, id)
    await expect(200, 'POST', '/v1/shows/demo/pause', latest)
    await expect(200, 'POST', '/v1/shows/demo/resume', latest)
    assert.equal((await hold(401, anna)).code, 'invalid_token')

    // The provider is down: its keys are known.
    await provider.stop()
    await hold(201, later)
  } finally {
    await server.stop()
  }
}

const [program] = process.argv.slice(2)
await check(program)
console.log('oidc-provider: tokens of RS256, ES256 and EdDSA, roles, audience, changed keys, provider down')
