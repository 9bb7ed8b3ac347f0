import assert from 'node:assert/strict'
import { type Claims, personOf } from '../../src/domain/openid-person.ts'

const rules = { admin: ['admins', 'Ada@Example.com'], operator: ['ops'], viewer: ['staff'] }
const roleOf = (claims: Claims, claim = 'groups') => personOf({ sub: 'x', ...claims }, rules, claim).role
const nameOf = (claims: Claims) => personOf(claims, rules, 'groups').name

describe('a person at the OpenID provider', () => {
  it('has the highest of the roles that the claim names, and none by default', () => {
    assert.equal(roleOf({ groups: ['staff', 'ops'] }), 'operator')
    assert.equal(roleOf({ groups: 'staff' }), 'viewer')
    for (const groups of [undefined, null, [], ['Staff', 'staffs'], 'staff ops', { staff: true }, [['staff']], 7]) {
      assert.equal(roleOf({ groups }), null, JSON.stringify(groups))
    }
  })

  it('has roles by a claim with a path, or with dots in its name', () => {
    assert.equal(roleOf({ realm_access: { roles: ['admins'] } }, 'realm_access.roles'), 'admin')
    assert.equal(roleOf({ 'https://x.example/roles': ['ops'] }, 'https://x.example/roles'), 'operator')
    for (const claim of ['realm_access.roles.length', 'constructor.name', '__proto__.x', '']) {
      assert.equal(roleOf({ realm_access: { roles: ['admins'] } }, claim), null, claim)
    }
  })

  it('has a role by an address only if the provider has verified it', () => {
    assert.equal(roleOf({ email: 'ada@example.COM', email_verified: true }), 'admin')
    assert.equal(roleOf({ email: 'ada@example.com', email_verified: 'true' }), 'admin')
    for (const isVerified of [undefined, false, 'false', 1, null]) {
      assert.equal(roleOf({ email: 'ada@example.com', email_verified: isVerified }), null)
    }
    assert.equal(roleOf({ name: 'admins', preferred_username: 'ada@example.com' }), null)
  })

  it('has a name of one line without an address', () => {
    assert.equal(nameOf({ sub: 'x', name: ' Ada\n\u202eLovelace ', preferred_username: 'ada' }), 'Ada Lovelace')
    assert.equal(nameOf({ sub: 'x', name: 'ada@example.com', preferred_username: 'ada' }), 'ada')
    assert.equal(nameOf({ sub: 'x-1', preferred_username: 'ada@example.com', name: ' ' }), 'x-1')
    assert.match(nameOf({ sub: 'ada@example.com' }), /^person-[0-9a-f]{12}$/)
    assert.equal(nameOf({ sub: 'x', name: '🦉'.repeat(70) }).isWellFormed(), true)
    assert.equal(nameOf({ sub: 'x'.repeat(100) }).length, 64)
    assert.equal(personOf({ sub: 'x', name: 'Ada' }, rules, 'groups').id, 'x')
  })
})
