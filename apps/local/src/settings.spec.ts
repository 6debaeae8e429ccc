import { BadSetting, readSettings } from './settings.js'

describe('local settings', () => {
  it('has a default for everything, and a default port may move', () => {
    const settings = readSettings({}, [])
    expect(settings).toMatchObject({ natsPort: 4222, natsPortAsked: false, project: 'default', demo: false })
    expect(settings.dataDir).toMatch(/\/data$/)
  })

  it('keeps to a port that was asked for', () => {
    expect(readSettings({ NATS_PORT: '4333' }, [])).toMatchObject({ natsPort: 4333, natsPortAsked: true })
  })

  it('shows the scene again when told', () => {
    expect(readSettings({}, ['--demo']).demo).toBe(true)
  })

  it('is secure when told', () => {
    expect(readSettings({}, []).secure).toBe(false)
    expect(readSettings({}, ['--demo', '--secure'])).toMatchObject({ demo: true, secure: true })
  })

  it('has users for runners beside a secure stack, and only there', () => {
    const option = ['--runner', 'mine@staging:writer,editor']
    expect(readSettings({}, ['--secure', ...option]).runners).toEqual([
      { name: 'mine', role: 'runner', environment: 'staging', graphs: ['writer', 'editor'], runs: true },
    ])
    expect(() => readSettings({}, option)).toThrow(/--secure/)
    expect(() => readSettings({}, ['--secure', ...option, ...option])).toThrow(/twice/)
  })

  it.each([
    [['--secur'], '--secur'],
    [['--demo', 'fast'], 'fast'],
    [['--secure', '--runner'], '--runner'],
    [['--secure', '--runner', 'mine'], 'mine'],
  ])('refuses the arguments %j in one line that names %s and what there is', (args, name) => {
    expect(() => readSettings({}, args)).toThrow(BadSetting)
    expect(() => readSettings({}, args)).toThrow(new RegExp(`^[^\\n]*${name}[^\\n]*<environment>[^\\n]*$`))
  })

  it.each([
    [{ PROJECT: 'A' }, 'PROJECT'],
    [{ NATS_PORT: 'http' }, 'NATS_PORT'],
    [{ NATS_PORT: '70000' }, 'NATS_PORT'],
    [{ NATS_PORT: '0' }, 'NATS_PORT'],
  ])('refuses %j in one line that names %s', (env, name) => {
    expect(() => readSettings(env, [])).toThrow(BadSetting)
    expect(() => readSettings(env, [])).toThrow(new RegExp(`^${name} is [^\\n]+$`))
  })
})
