// The requests that this service and the in-memory server of `@langchain/langgraph-api` 1.5.1 are both sent, in this order,
// and where their answers differ on purpose: the platform's own server, and not the in-memory one, is what is followed.
import { systemAssistantId } from '@assistant-ledger/assistant'

export interface Same {
  readonly name: string
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE'
  readonly path: string
  readonly body?: unknown
  /** Why the answers differ, and what is answered here. */
  readonly differs?: { readonly because: string; readonly status: number; readonly body?: unknown }
}

const A = '11111111-1111-4111-8111-111111111111'
const B = '22222222-2222-4222-8222-222222222222'
const C = '33333333-3333-4333-8333-333333333333'
const D = '44444444-4444-4444-8444-444444444444'
const NOWHERE = '00000000-0000-4000-8000-000000000000'
const E = '55555555-5555-4555-8555-555555555555'
const F = '66666666-6666-4666-8666-666666666666'
const SYSTEM_WRITER = systemAssistantId('default', 'writer')

const create = (name: string, body: object, differs?: Same['differs']): Same => ({
  name: `create ${name}`,
  method: 'POST',
  path: '/assistants',
  body,
  ...(differs ? { differs } : {}),
})
const patch = (name: string, id: string, body: unknown, differs?: Same['differs']): Same => ({
  name: `patch ${name}`,
  method: 'PATCH',
  path: `/assistants/${id}`,
  body,
  ...(differs ? { differs } : {}),
})
const get = (name: string, path: string, differs?: Same['differs']): Same => ({
  name: `get ${name}`,
  method: 'GET',
  path: `/assistants/${path}`,
  ...(differs ? { differs } : {}),
})
const post = (name: string, path: string, body?: unknown, differs?: Same['differs']): Same => ({
  name,
  method: 'POST',
  path: `/assistants/${path}`,
  ...(body === undefined ? {} : { body }),
  ...(differs ? { differs } : {}),
})
const remove = (name: string, id: string, differs?: Same['differs']): Same => ({
  name: `delete ${name}`,
  method: 'DELETE',
  path: `/assistants/${id}`,
  ...(differs ? { differs } : {}),
})

const MIRRORED = 'config.configurable and context mirror each other'
const UNKNOWN_GRAPH = { because: 'a graph that is not deployed is 404', status: 404 }
const NULL_IS_ABSENT = 'null is absent'
const SORTED = 'the order that is asked for is the order that is given'

export const SAME: readonly Same[] = [
  create('with nothing but an id', { graph_id: 'writer', assistant_id: A }),
  create('with content', {
    graph_id: 'writer',
    assistant_id: B,
    name: 'Blog',
    description: 'Writes posts',
    config: { tags: ['a', 'b'], recursion_limit: 7 },
    metadata: { team: 'press', deep: { x: 1, list: [1, 2] } },
  }),
  create(
    'with a context',
    {
      graph_id: 'writer',
      assistant_id: C,
      name: 'Tweet',
      context: { model: 'm' },
      metadata: { team: 'social' },
    },
    {
      because: MIRRORED,
      status: 200,
      body: { config: { configurable: { model: 'm' } }, context: { model: 'm' } },
    },
  ),
  create('with odd keys', {
    graph_id: 'writer',
    assistant_id: D,
    name: 'ünïcode ☃',
    metadata: { '': 1, 'a.b': 2, $eq: 3, constructor: 'c' },
    config: { extra: { kept: [null, 1.5, 'x'] } },
  }),
  create('on an id that is taken', { graph_id: 'writer', assistant_id: A }),
  create('on an id that is taken, raising', { graph_id: 'writer', assistant_id: A, if_exists: 'raise' }),
  create('on an id that is taken, doing nothing', {
    graph_id: 'writer',
    assistant_id: B,
    name: 'Other',
    if_exists: 'do_nothing',
  }),
  create('without a graph', { name: 'x' }),
  create('with a graph that is a number', { graph_id: 7 }),
  create('with a bad if_exists', { graph_id: 'writer', if_exists: 'maybe' }),
  create('with a config that is a text', { graph_id: 'writer', config: 'x' }),
  create('with tags that are no list', { graph_id: 'writer', config: { tags: 'x' } }),
  create('with metadata that is a list', { graph_id: 'writer', metadata: [1] }, undefined),
  create('with an id that is none', { graph_id: 'writer', assistant_id: 'blog' }),
  create('of an unknown graph', { graph_id: 'nope', assistant_id: NOWHERE }, UNKNOWN_GRAPH),
  create(
    'with configurable and context',
    {
      graph_id: 'writer',
      assistant_id: E,
      config: { configurable: { a: 1 } },
      context: { b: 2 },
    },
    { because: `${MIRRORED}, so both are refused`, status: 400 },
  ),
  create(
    'with nulls',
    { graph_id: 'writer', assistant_id: F, name: null, config: null },
    { because: NULL_IS_ABSENT, status: 200, body: { name: 'Untitled', config: {} } },
  ),
  // What only one of the two has made is taken away again, so that both have the same.
  remove('what was made with nulls', F, { because: NULL_IS_ABSENT, status: 204 }),
  remove('what was made of an unknown graph', NOWHERE, { ...UNKNOWN_GRAPH }),
  remove('what was made with both', E, { because: MIRRORED, status: 404 }),

  get('one', A),
  get('one with content', B),
  get('the system assistant', SYSTEM_WRITER),
  get('one that is not there', NOWHERE),
  get('one by the name of its graph', 'writer', {
    because: 'an id is a UUID; the platform takes a graph only where runs are made',
    status: 422,
  }),

  patch('nothing', A, {}),
  patch('the name', A, { name: 'Named' }),
  patch('the description', A, { description: 'Described' }),
  patch('metadata', B, { metadata: { team: 'web', deep: { y: 2 } } }),
  patch('config', B, { config: { recursion_limit: 9 } }),
  patch('config to nothing', B, { config: {} }),
  patch('with an unknown field', A, { colour: 'red' }),
  patch('with a name that is a number', A, { name: 7 }),
  create('one that comes out differently', { graph_id: 'writer', assistant_id: E, name: 'Kept' }),
  patch('with a graph that is unknown', E, { graph_id: 'nope' }, UNKNOWN_GRAPH),
  patch('with null', E, { name: null }, { because: NULL_IS_ABSENT, status: 200, body: { name: 'Kept' } }),
  remove('the one that came out differently', E),
  patch('one that is not there', NOWHERE, {}),

  post('versions', `${C}/versions`, {}, { because: MIRRORED, status: 200 }),
  post('versions, the first two', `${D}/versions`, { limit: 2 }),
  post('versions without a body', `${D}/versions`),
  post('versions past the end', `${D}/versions`, { offset: 9 }),
  post('versions by metadata', `${D}/versions`, { metadata: { $eq: 3 } }),
  post('versions by metadata that none has', `${D}/versions`, { metadata: { none: 1 } }),
  post('versions of one that is not there', `${NOWHERE}/versions`, {}),
  post('versions with a bad limit', `${D}/versions`, { limit: 0 }),

  patch('a second version', D, { name: 'second', description: 'later' }),
  post(
    'latest back to the first',
    `${D}/latest`,
    { version: 1 },
    {
      because: 'every field comes back, the description too',
      status: 200,
      body: { version: 1, description: null },
    },
  ),
  patch(
    'a third version',
    D,
    { metadata: { step: 3 } },
    { because: 'it is built on what came back', status: 200, body: { version: 3, description: null } },
  ),
  post('latest of a version that is not there', `${D}/latest`, { version: 9 }),
  post('latest of one that is not there', `${NOWHERE}/latest`, { version: 1 }),
  post('latest without a version', `${D}/latest`, {}),
  post('latest with a text', `${D}/latest`, { version: 'one' }),

  post('count of all of a team', 'count', { metadata: { team: 'web' } }),
  post('count of none', 'count', { metadata: { team: 'nobody' } }),
  post('count by a part of a name', 'count', { name: 'ED' }),
  post('count by a graph', 'count', { graph_id: 'writer', metadata: { team: 'social' } }),
  post('count of an unknown graph', 'count', { graph_id: 'nope' }, UNKNOWN_GRAPH),
  post('search by metadata', 'search', { metadata: { deep: { y: 2 } } }, undefined),
  post('search by nested metadata that none has', 'search', { metadata: { deep: { y: 3 } } }),
  post('search by a part of a name', 'search', { name: 'named' }, undefined),
  post('search with a selection', 'search', { metadata: { team: 'web' }, select: ['assistant_id', 'name'] }),
  post('search with a bad limit', 'search', { limit: 0 }),
  post('search with a limit that is too high', 'search', { limit: 1001 }),
  post('search with a bad sort order', 'search', { sort_order: 'up' }),
  post(
    'search with a selection of what there is not',
    'search',
    { metadata: { team: 'web' }, select: ['bogus'] },
    { because: 'a field that there is not is refused', status: 422 },
  ),
  post(
    'search, sorted by name',
    'search',
    { sort_by: 'name', sort_order: 'asc', select: ['name'] },
    {
      because: SORTED,
      status: 200,
      body: [
        { name: 'Blog' },
        { name: 'Named' },
        { name: 'Tweet' },
        { name: 'writer' },
        { name: 'ünïcode ☃' },
      ],
    },
  ),
  get('the drawing with a bad depth', `${A}/graph?xray=-1`, {
    because: 'a bad depth is refused',
    status: 422,
  }),

  remove('one', A),
  remove('one that is gone', A),
  get('one that is gone', A),
  create('on an id that was deleted', { graph_id: 'writer', assistant_id: A, name: 'Again' }),
  post('versions of a second life', `${A}/versions`, {}),
]
