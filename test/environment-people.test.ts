import assert from 'node:assert/strict'
import { readConfig } from '../src/config.ts'

const openId = {
  OIDC_ISSUER: 'https://id.example/realm',
  OIDC_CLIENT_ID: 'aftersend',
  OIDC_ROLES: 'admin=email-admins, ada@example.com ;viewer=staff;',
  PUBLIC_URL: 'https://aftersend.example/',
}

describe('the settings of people', () => {
  it('let people sign in with keys, unless there is another way', () => {
    assert.deepEqual(readConfig({}).signIn, { withKeys: true, openId: null })
    assert.throws(() => readConfig({ SIGN_IN_WITH_KEYS: 'off' }), /SIGN_IN_WITH_KEYS=off requires OIDC_ISSUER/)
    assert.equal(readConfig({ ...openId, SIGN_IN_WITH_KEYS: 'off' }).signIn.withKeys, false)
  })

  it('name the provider, and who has which role', () => {
    assert.deepEqual(readConfig(openId).signIn.openId, {
      issuer: 'https://id.example/realm',
      clientId: 'aftersend',
      clientSecret: null,
      scopes: 'openid profile email',
      publicUrl: 'https://aftersend.example',
      rolesClaim: 'groups',
      roles: { admin: ['email-admins', 'ada@example.com'], viewer: ['staff'] },
    })
  })

  it('are complete or refused', () => {
    for (const name of ['OIDC_CLIENT_ID', 'OIDC_ROLES', 'PUBLIC_URL']) {
      assert.throws(
        () => readConfig({ ...openId, [name]: '' }),
        new RegExp(`${name} is missing: OIDC_ISSUER requires it`),
      )
    }
    for (const OIDC_ROLES of ['boss=staff', 'admin', 'admin=', 'admin=a;admin=b', ';']) {
      assert.throws(
        () => readConfig({ ...openId, OIDC_ROLES }),
        /OIDC_ROLES must be roles and who has them/,
        OIDC_ROLES,
      )
    }
    assert.throws(() => readConfig({ ...openId, OIDC_ROLES_CLAIM: 'email' }), /OIDC_ROLES_CLAIM must not be email/)
    assert.throws(
      () => readConfig({ ...openId, PUBLIC_URL: 'https://x.example/mail' }),
      /PUBLIC_URL must be a URL without/,
    )
  })

  it('send no secret and no session in the clear, unless insisted on', () => {
    const plain = { ...openId, OIDC_ISSUER: 'http://id.example', PUBLIC_URL: 'http://aftersend.example' }
    assert.throws(
      () => readConfig(plain),
      /OIDC_ISSUER must be an https:\/\/ URL[\s\S]*PUBLIC_URL must be an https:\/\/ URL/,
    )
    assert.ok(readConfig({ ...plain, ALLOW_INSECURE: 'OIDC_ISSUER,PUBLIC_URL' }).signIn.openId)
    assert.ok(readConfig({ ...openId, OIDC_ISSUER: 'http://keycloak:8080', PUBLIC_URL: 'http://127.0.0.1:3000' }))
  })
})
