import { describe, expect, test } from '@jest/globals'
import { BadOption } from './errors.js'
import { natsAddress } from './nats-address.js'

describe('the address of NATS', () => {
  test('given nothing, then loopback and nobody', () => {
    expect(natsAddress({})).toEqual({ servers: ['nats://127.0.0.1:4222'] })
  })

  test('given empty variables, then they count as absent', () => {
    expect(natsAddress({ NATS_URL: '', NATS_USER: '', NATS_PASSWORD: '' }, 'nats://b:1')).toEqual({
      servers: ['nats://b:1'],
    })
  })

  test('given a user, then its own inbox', () => {
    const env = { NATS_URL: 'tls://a:1, nats://b:2', NATS_USER: 'eu.1', NATS_PASSWORD: 'p' }
    expect(natsAddress(env)).toEqual({
      servers: ['tls://a:1', 'nats://b:2'],
      login: { user: 'eu.1', pass: 'p', inboxPrefix: '_INBOX_eu=2E1' },
    })
  })

  test('given a user in the URL, then the servers are without', () => {
    expect(natsAddress({ NATS_URL: 'nats://eu:p%40ss@a:1,nats://b:2' })).toEqual({
      servers: ['nats://a:1', 'nats://b:2'],
      login: { user: 'eu', pass: 'p@ss', inboxPrefix: '_INBOX_eu' },
    })
  })

  test.each([
    [{ NATS_URL: 'localhost' }, 'NATS_URL'],
    [{ NATS_URL: 'nats://u:secret@a b' }, 'NATS_URL'],
    [{ NATS_URL: 'u:secret@host' }, 'NATS_URL'],
    [{ NATS_URL: 'nats://u:sec/ret@host' }, 'NATS_URL'],
    [{ NATS_URL: 'nats://u:%zsecret@a' }, 'NATS_URL'],
    [{ NATS_URL: 'nats://u:12/secret@host' }, 'NATS_URL'],
    [{ NATS_URL: 'nats://secret@a' }, 'NATS_URL'],
    [{ NATS_URL: 'nats://u:secret@a,nats://v:secret@b' }, 'NATS_URL'],
    [{ NATS_URL: 'nats://u:secret@a', NATS_USER: 'u', NATS_PASSWORD: 'secret' }, 'NATS_USER'],
    [{ NATS_USER: 'u' }, 'NATS_USER'],
    [{ NATS_PASSWORD: 'secret' }, 'NATS_PASSWORD'],
  ])('given %j, then one line that names the variable and no password', (env, name) => {
    const read = () => natsAddress(env)
    expect(read).toThrow(BadOption)
    expect(read).toThrow(new RegExp(`^${name} (?!.*(secret|ret@))[^\\n]+$`))
  })
})
