// An OpenID provider on loopback: `node provider.mjs PORT KID ALGORITHM`, with a new key of that id each time it starts.
// The client `etl` gets access tokens, as JWTs, for the audience that is the last part of the resource's path.
import { generateKeyPairSync } from 'node:crypto'
import Provider from 'oidc-provider'

const [port, kid, alg] = process.argv.slice(2)
const { privateKey } = alg.startsWith('RS')
  ? generateKeyPairSync('rsa', { modulusLength: 2048 })
  : generateKeyPairSync('ec', { namedCurve: 'P-256' })
const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [
    {
      client_id: 'etl',
      client_secret: 'secret',
      grant_types: ['client_credentials'],
      redirect_uris: [],
      response_types: [],
      id_token_signed_response_alg: alg
    }
  ],
  jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), kid, use: 'sig', alg }] },
  features: {
    clientCredentials: { enabled: true },
    devInteractions: { enabled: false },
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo: (context, resource) => ({
        scope: '',
        audience: resource.split('/').at(-1),
        accessTokenTTL: 60,
        accessTokenFormat: 'jwt',
        jwt: { sign: { alg } }
      })
    }
  }
})
provider.listen(Number(port), '127.0.0.1', () => console.log('listening'))
