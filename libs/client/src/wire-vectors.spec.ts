// The client against docs/wire-vectors.json: the same file that a client in another language would be held to.
import { readFileSync } from 'node:fs'
import { describe, expect, test } from '@jest/globals'
import { contentHash, Digest } from './canonical.js'
import { type Checkpoint, judgeCheckpoint, readCheckpoint, writtenCheckpoint } from './checkpoint.js'
import { hashed } from './descriptor.js'
import { BadReference } from './errors.js'
import type { FollowState } from './events.js'
import { configKey, decodeToken, encodeToken, keyPrefix, watermarkKey } from './names.js'
import { judge, mayJudge, type Reached } from './order.js'
import { parseReference, printReference } from './reference.js'
import { type Report, reportMessage } from './report.js'
import { stateByAges, worstOf } from './state.js'
import { type JsonObject, readValue } from './value.js'

const vectors = JSON.parse(readFileSync('docs/wire-vectors.json', 'utf8'))

interface RawReached {
  readonly log_id: string
  readonly epoch: number
  readonly position: string
}
interface RawReport {
  readonly runner: string
  readonly instance: string
  readonly build?: string
  readonly environment: string
  readonly graph: string
  readonly assistant_id: string
  readonly log_id: string
  readonly epoch: number
  readonly revision: number
  readonly generation?: number
  readonly version?: number
  readonly hash?: string
  readonly status: Report['status']
  readonly reason?: string
}
const reached = (raw: RawReached): Reached => ({
  logId: raw.log_id,
  epoch: raw.epoch,
  position: BigInt(raw.position),
})

describe('wire vectors', () => {
  test.each<{ name: string; token: string }>(vectors.tokens)('token of $name', ({ name, token }) => {
    expect(encodeToken(name)).toBe(token)
    expect(decodeToken(token)).toBe(name)
  })

  test.each<Record<string, string>>(vectors.keys)('key $key', (given) => {
    const { project = '', environment = '', graph = '', assistant_id = '' } = given
    expect(configKey(environment, graph, assistant_id)).toBe(given.key)
    expect(watermarkKey(environment, graph)).toBe(given.watermark)
    expect(keyPrefix(project) + configKey(environment, graph, assistant_id)).toBe(given.subject)
  })

  test.each<{ descriptor: never; hash: string }>(vectors.descriptorHashes)(
    'descriptor hash $hash',
    (given) => {
      expect(hashed(given.descriptor)).toEqual(given)
    },
  )

  test.each<{ content: never; contentHash: string }>(vectors.contentHashes)(
    'content hash $contentHash',
    (given) => {
      expect(contentHash(given.content)).toBe(given.contentHash)
    },
  )

  test.each<{ entries: { key: string; epoch: number; revision: number }[]; count: number; digest: string }>(
    vectors.digests,
  )('digest over $count keys, in any order and changed key by key', ({ entries, count, digest }) => {
    const sum = new Digest()
    for (const { key } of entries) sum.set(key, 0, 99)
    for (const { key, epoch, revision } of entries.toReversed()) sum.set(key, epoch, revision)
    expect([sum.count, sum.hex]).toEqual([count, digest])
  })

  test.each<{
    reference: string
    assistant_id: string
    generation: number
    version: number
    contentHash: string
  }>(vectors.references)('reference $reference', (given) => {
    const { reference, assistant_id: assistantId, generation, version, contentHash } = given
    expect(printReference({ assistantId, generation, version, contentHash })).toBe(reference)
    expect(parseReference(reference)).toEqual({
      assistantId,
      generation,
      version,
      hash: contentHash.slice(0, 16),
    })
  })

  test.each<string>(vectors.notReferences)('no reference: %j', (text) => {
    expect(() => parseReference(text)).toThrow(BadReference)
  })

  test.each<{ name: string; key: string; value: unknown; type: string }>(vectors.values)(
    'value: $name',
    ({ key, value, type }) => {
      expect(readValue(key, Buffer.from(JSON.stringify(value))).type).toBe(type)
    },
  )

  test.each<{
    name: string
    follows: string | null
    known: { log_id: string; epoch: number; revision: number; usable: boolean } | null
    value: { log_id: string; epoch: number; revision: number }
    verdict: string
  }>(vectors.decisions)('decision: $name', ({ follows, known, value, verdict }) => {
    const before = known ? { ...known, logId: known.log_id } : undefined
    expect(judge(follows ?? undefined, before, { ...value, logId: value.log_id })).toBe(verdict)
  })

  test.each<{ name: string; reached: RawReached | null; watermark: RawReached; mayJudge: boolean }>(
    vectors.watermarks,
  )('watermark: $name', (given) => {
    const own = given.reached ? reached(given.reached) : undefined
    expect(mayJudge(own, reached(given.watermark))).toBe(given.mayJudge)
  })

  test.each<{ name: string; kept: JsonObject | null; told: JsonObject; verdict: string }>(
    vectors.checkpoints,
  )('checkpoint: $name', ({ kept, told, verdict }) => {
    const own = readCheckpoint(kept ?? undefined)
    expect(own === undefined).toBe(kept === null)
    const read = readCheckpoint(told) as Checkpoint
    expect(judgeCheckpoint(own, read)).toBe(verdict)
    expect(writtenCheckpoint(read)).toEqual(told)
  })

  test.each<{
    name: string
    confirmed_age_ms: number | null
    disk_age_ms: number | null
    state: string
  }>(vectors.states)('state: $name', (given) => {
    const ages = { confirmedMs: given.confirmed_age_ms ?? undefined, diskMs: given.disk_age_ms ?? undefined }
    expect(stateByAges(ages)).toBe(given.state)
  })

  test.each<{ graphs: FollowState[]; state: string }>(vectors.worstStates)(
    'the worst of $graphs is $state',
    ({ graphs, state }) => {
      expect(worstOf(graphs)).toBe(state)
    },
  )

  test.each<{ name: string; project: string; subject: string; messageId: string; body: RawReport }>(
    vectors.reports,
  )('report: $name', ({ project, subject, messageId, body }) => {
    const { environment, runner: name, build, instance, hash, generation = 0, version = 0 } = body
    const report: Report = {
      status: body.status,
      assistantId: body.assistant_id,
      graph: body.graph,
      logId: body.log_id,
      epoch: body.epoch,
      revision: body.revision,
      named: hash === undefined ? undefined : { generation, version, hash },
      reason: body.reason,
    }
    const message = reportMessage({ project, environment, name, build, instance }, report)
    expect({ ...message, body: JSON.parse(message.body) }).toEqual({ subject, id: messageId, body })
  })

  test.each<{
    reports: { assistant_id: string; revision: number; status: string }[]
    count: number
    digest: string
  }>(vectors.presenceDigests)('presence digest over $count reports', ({ reports, count, digest }) => {
    const sum = new Digest()
    for (const { assistant_id, revision, status } of reports) sum.set(assistant_id, revision, status)
    expect([sum.count, sum.hex]).toEqual([count, digest])
  })
})
