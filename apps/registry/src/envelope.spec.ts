import 'reflect-metadata'
import { describe, expect, test } from '@jest/globals'
import { RefusalError } from './bus/contract.js'
import { CreateRequest, PromoteRequest } from './commands/requests.js'
import { commandOf, readRequest } from './envelope.js'
import { SearchRequest, VersionRequest } from './queries/requests.js'

const ID = '00000000-0000-4000-8000-000000000000'

function refusalOf(read: () => unknown) {
  try {
    read()
  } catch (error) {
    if (error instanceof RefusalError) return error.refusal
    throw error
  }
  throw new Error('it was not refused')
}

describe('the envelope of a request', () => {
  test('given nulls, then they are absent and the defaults hold', () => {
    const request = readRequest(CreateRequest, { graph_id: 'g', if_exists: null, name: null })
    expect(request).toMatchObject({ graph_id: 'g', if_exists: 'raise', name: undefined })
    expect(readRequest(SearchRequest, {})).toMatchObject({ limit: 10, offset: 0, sort_order: 'desc' })
  })

  test('given config, then the very object comes through, whatever its keys', () => {
    const body = JSON.parse('{"graph_id":"g","config":{"__proto__":{"a":1},"constructor":2}}')
    expect(readRequest(CreateRequest, body).config).toBe(body.config)
  })

  test.each([
    [null, 'null'],
    [[1], 'an array'],
    ['x', 'a string'],
    [7, 'a number'],
  ])('given %j, then it is refused by name', (body, named) => {
    expect(refusalOf(() => readRequest(CreateRequest, body))).toMatchObject({
      code: 'invalid-request',
      detail: expect.stringContaining(named),
    })
  })

  test.each([
    ['an unknown field', '{"graph_id":"g","x":1}', 'x'],
    ['__proto__', '{"graph_id":"g","__proto__":{}}', '__proto__'],
    ['a missing field', '{}', 'graph_id'],
    ['a mistyped one', '{"graph_id":"g","metadata":[]}', 'metadata'],
  ])('given %s, then the refusal names the field', (_, text, field) => {
    const refusal = refusalOf(() => readRequest(CreateRequest, JSON.parse(text)))
    expect(refusal).toMatchObject({ code: 'invalid-request', field })
  })

  test('given a number that is no version, then one clear message', () => {
    const promote = (version: unknown) =>
      refusalOf(() =>
        readRequest(PromoteRequest, { assistant_id: '00000000-0000-0000-0000-000000000000', version }),
      )
    expect(promote(0).detail).toBe('version must be at least 1')
    for (const version of [1.5, '1', true, [1]])
      expect(promote(version).detail).toBe('version must be an integer')
  })

  test.each([
    [{ limit: '10' }, 'limit must be an integer'],
    [{ offset: '0' }, 'offset must be an integer'],
    [{ name: 7 }, 'name must be a string'],
    [{ name: ['x'] }, 'name must be a string'],
    [{ select: 'name' }, 'select must be a list of fields'],
  ])('given %j, then its type is what is wrong with it', (body, detail) => {
    expect(refusalOf(() => readRequest(SearchRequest, body)).detail).toBe(detail)
  })

  test.each([
    [VersionRequest, {}, 'assistant_id'],
    [VersionRequest, { assistant_id: ID }, 'version'],
    [VersionRequest, { assistant_id: ID, version: null }, 'version'],
    [CreateRequest, {}, 'graph_id'],
  ])('given %p %j, then the refusal says what is missing', (type, body, field) => {
    const refusal = refusalOf(() => readRequest<object>(type, body))
    expect(refusal).toMatchObject({ code: 'invalid-request', detail: `${field} is required`, field })
  })

  test('the request without its id keeps what was sent, nulls too', () => {
    expect(commandOf({ assistant_id: 'x', name: null, a: 1, wait: 'converged', wait_ms: 5 })).toEqual({
      name: null,
      a: 1,
    })
  })
})
