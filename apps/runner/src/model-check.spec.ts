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

  it('refuses what is no name at all', () => {
    expect(check({ context: { model: { name: 'sample-swift' } } }).success).toBe(false)
  })

  it('takes any model when none is listed', () => {
    expect(modelCheck(undefined)({ context: { model: 'anything' } }).success).toBe(true)
  })
})
