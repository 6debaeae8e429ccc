import { describe, expect, test } from '@jest/globals'
import { settingsOf } from './settings.js'

const WORK = { name: 'work', profile: { url: 'https://work.example/base/', token: 'of-work', actor: 'ada' } }

describe('settings', () => {
  test('come from options, then the environment, then the profile, then the defaults', () => {
    const all = { ASSISTANTS_URL: 'http://env:1', ASSISTANTS_TOKEN: 'of-env', ASSISTANTS_ACTOR: 'eve' }
    expect(settingsOf({ url: 'http://option:1', token: 'of-option' }, all, WORK)).toMatchObject({
      url: 'http://option:1',
      identity: { token: 'of-option', actor: 'eve' },
    })
    expect(settingsOf({}, all, WORK)).toMatchObject({ url: 'http://env:1', identity: { token: 'of-env' } })
    expect(settingsOf({}, {}, WORK)).toMatchObject({
      url: 'https://work.example/base',
      identity: { token: 'of-work', actor: 'ada' },
      profile: 'work',
    })
    expect(settingsOf({}, { ASSISTANTS_URL: '' })).toMatchObject({
      url: 'http://127.0.0.1:8123',
      timeoutMs: 10_000,
    })
  })

  test('find the service that runs here before the default alone, and say where an address is from', () => {
    const running = { url: 'http://127.0.0.1:8124', from: 'data/local.json (npm start)', dataDir: 'data' }
    const located = (...[options, environment, profile]: Parameters<typeof settingsOf>) => {
      const { url, urlFrom } = settingsOf(options, environment, profile, running)
      return [url, urlFrom]
    }
    expect(located({}, {})).toEqual([running.url, running.from])
    expect(located({}, {}, WORK)).toEqual(['https://work.example/base', 'the profile work'])
    expect(located({}, { ASSISTANTS_URL: 'http://env:1' }, WORK)).toEqual(['http://env:1', 'ASSISTANTS_URL'])
    expect(located({ url: 'http://option:1' }, {})).toEqual(['http://option:1', '--url'])
    expect(settingsOf({}, {}).urlFrom).toMatch(/^the default/)
    // What a profile has to show is not for whatever runs here.
    const { url: _, ...rest } = WORK.profile
    expect(settingsOf({}, {}, { name: 'work', profile: rest }, running).identity.token).toBeUndefined()
  })

  test('find the log of the service that runs here only where that one is asked', () => {
    const running = { url: 'http://127.0.0.1:8124', from: 'data/local.json (npm start)', dataDir: 'data' }
    const dirOf = (...[options, environment, profile]: Parameters<typeof settingsOf>) =>
      settingsOf(options, environment, profile, running).log.dataDir
    expect(dirOf({}, {})).toBe('data')
    expect(dirOf({}, { ASSISTANTS_DATA_DIR: 'other' })).toBe('other')
    expect(dirOf({}, { ASSISTANTS_EVENTSTORE_URL: 'esdb://db' })).toBeUndefined()
    expect(dirOf({ url: 'http://127.0.0.1:8125' }, {})).toBeUndefined()
    expect(dirOf({}, {}, WORK)).toBeUndefined()
  })

  test('show what a profile has to show to its own service only', () => {
    const elsewhere = settingsOf({ url: 'https://other.example' }, {}, WORK)
    expect(elsewhere.identity).toEqual({ actor: 'ada' })
    expect(settingsOf({ url: 'https://work.example/other' }, {}, WORK).identity.token).toBe('of-work')
    expect(settingsOf({}, { ASSISTANTS_URL: 'http://work.example' }, WORK).identity.token).toBeUndefined()
  })

  test('never show two identities: a key on the command line takes the place of a token', () => {
    const { identity } = settingsOf({ apiKey: 'key' }, { ASSISTANTS_TOKEN: 'of-env' }, WORK)
    expect(identity).toMatchObject({ apiKey: 'key' })
    expect(identity.token).toBeUndefined()
  })

  test.each([
    [{ url: 'ledger' }, /"ledger" is no URL of a service/],
    [{ url: 'http://ada:secret@x' }, /a user and a password is not taken/],
    [{ token: 'two words' }, /the token has characters that no header can carry/],
    [{ timeout: '0' }, /--timeout is 1 to 600 seconds/],
  ])('refuse %j', (options, said) => {
    expect(() => settingsOf(options, {})).toThrow(said)
  })
})
