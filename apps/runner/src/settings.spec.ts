import { BadSetting, readSettings } from './settings.js'

describe('runner settings', () => {
  it('has a default for everything', () => {
    expect(readSettings({})).toMatchObject({
      nats: { servers: ['nats://127.0.0.1:4222'] },
      project: 'default',
      environment: 'live',
      graphs: undefined,
      cacheDir: undefined,
      allowedModels: undefined,
      langgraphJson: './langgraph.json',
    })
  })

  it('reads lists, and an empty one as none', () => {
    expect(readSettings({ GRAPHS: 'writer, reader', ALLOWED_MODELS: ' , ' })).toMatchObject({
      graphs: ['writer', 'reader'],
      allowedModels: undefined,
    })
  })

  it('is frozen', () => {
    expect(Object.isFrozen(readSettings({}))).toBe(true)
  })

  it.each([
    [{ PROJECT: 'Not A Project' }, 'PROJECT'],
    [{ NATS_URL: 'not an address' }, 'NATS_URL'],
  ])('refuses %j in one line that names %s', (env, name) => {
    expect(() => readSettings(env)).toThrow(BadSetting)
    expect(() => readSettings(env)).toThrow(new RegExp(`^${name} is [^\\n]+$`))
  })
})
