import { modelCheck } from './model-check.js'

describe('model check', () => {
  const check = modelCheck(['sample-swift'])

  it('takes a model that is allowed', () => {
    expect(check({ context: { model: 'sample-swift' } })).toEqual({ success: true })
  })

  it('takes a configuration that names none: the graph chooses', () => {
    expect(check({ context: {} })).toEqual({ success: true })
  })

  it('refuses another, and says which', () => {
    const refused = check({ context: { model: 'sample-frontier' } })
    expect(refused).toEqual({ success: false, error: 'the model sample-frontier is not allowed here' })
  })

  it.each([
    [{ name: 'sample-swift' }, '{"name":"sample-swift"}'],
    [['sample-swift'], '["sample-swift"]'],
    [7, '7'],
    [null, 'null'],
    ['', '""'],
  ])('refuses %j, which is no name, whether or not some are listed', (model, shown) => {
    const refused = { success: false, error: `the model must be a text, not ${shown}` }
    expect(check({ context: { model } })).toEqual(refused)
    expect(modelCheck(undefined)({ context: { model } })).toEqual(refused)
  })

  it('takes any model when none is listed', () => {
    expect(modelCheck(undefined)({ context: { model: 'anything' } }).success).toBe(true)
  })
})
