// `Streams/Read`: a stream or the whole log, forward or backward, once; with subscription options it never ends.
import streams from '@eventstore/db-client/generated/streams_pb.js'
import type { handleServerStreamingCall } from '@grpc/grpc-js'
import type { Context } from './context.js'
import type { StoredEvent } from './event.js'
import { refused } from './gate.js'
import { accessDenied, handlerThrew, type Refusal, streamDeleted, unexpectedResult } from './refusals.js'
import { type ReadCall, Sink } from './sink.js'
import type { Streams } from './streams.js'
import { identifier, NONE, positionOf, readEvent, streamOf } from './wire.js'

type Options = streams.ReadReq.Options

/** The type of an event that stands for another one, which its data names as `revision@stream`. */
const LINK_TYPE = '$>'

export function read(context: Context): handleServerStreamingCall<streams.ReadReq, streams.ReadResp> {
  return async (call: ReadCall) => {
    const sink = new Sink(call)
    const options = call.request.getOptions() ?? new streams.ReadReq.Options()
    const refusal = refused(context, call.metadata, 'other')
    if (refusal) return sink.refuse(refusal)
    if (options.hasAll() && context.faults.strike('refuse-all')) return sink.refuse(accessDenied())
    await context.faults.delay()
    if (options.hasSubscription()) return context.subscriptions.start(sink, options)
    await readOnce(context.store.streams, sink, options)
  }
}

async function readOnce(log: Streams, sink: Sink, options: Options): Promise<void> {
  const refusal = options.hasAll() ? refusedAll(log, options) : refusedStream(log, options)
  if (refusal) return sink.refuse(refusal)
  const stream = streamOf(options.getStream() ?? new streams.ReadReq.Options.StreamOptions())
  if (!options.hasAll() && !log.isFound(stream)) sink.send(notFound(stream))
  else {
    let left = Number(options.getCount())
    for (const event of options.hasAll() ? allEvents(log, options) : streamEvents(log, options)) {
      if (left <= 0 || !sink.isOpen) break
      left -= 1
      sink.send(resolved(log, event, options))
      await sink.ready()
    }
  }
  sink.end()
}

function refusedStream(log: Streams, options: Options): Refusal | undefined {
  const from = options.getStream() ?? new streams.ReadReq.Options.StreamOptions()
  const stream = streamOf(from)
  if (stream === '') return handlerThrew()
  if (log.isTombstoned(stream)) return streamDeleted(stream)
  const cannotStart = from.hasEnd() || from.getRevision() === NONE
  if (Number(options.getCount()) === 0 || (isForward(options) && cannotStart))
    return unexpectedResult('ReadStreamResult')
  return undefined
}

function refusedAll(log: Streams, options: Options): Refusal | undefined {
  const position = positionOf(options.getAll()?.getPosition())
  if (position === undefined) return undefined
  const beyond = position > (log.all.at(-1)?.end ?? 0)
  if (log.isReadable(position) && (isForward(options) || !beyond)) return undefined
  return unexpectedResult('ReadAllResult')
}

function notFound(stream: string): streams.ReadResp {
  const message = new streams.ReadResp.StreamNotFound().setStreamIdentifier(identifier(stream))
  return new streams.ReadResp().setStreamNotFound(message)
}

/** From a revision, with it. */
function* streamEvents(log: Streams, options: Options): Generator<StoredEvent> {
  const from = options.getStream() ?? new streams.ReadReq.Options.StreamOptions()
  const stream = streamOf(from)
  const events = log.events(stream)
  const last = log.last(stream)
  const first = log.first(stream)
  const start = from.hasStart() ? 0 : from.hasEnd() ? last : Number(from.getRevision())
  if (isForward(options)) yield* forward(events, Math.max(start, first))
  else yield* backward(events, Math.min(start, last), first)
}

/** From a position: forward with the event that is there, backward without. */
function* allEvents(log: Streams, options: Options): Generator<StoredEvent> {
  const from = options.getAll() ?? new streams.ReadReq.Options.AllOptions()
  const position = from.hasStart() ? 0 : from.hasEnd() ? undefined : positionOf(from.getPosition())
  const start = position === undefined ? log.all.length : log.indexOf(position)
  if (isForward(options)) yield* forward(log.all, start)
  else yield* backward(log.all, start - 1, 0)
}

function isForward(options: Options): boolean {
  return options.getReadDirection() === streams.ReadReq.Options.ReadDirection.FORWARDS
}

/** What is there when it begins: what is written meanwhile would make a reading without end. */
function* forward(events: readonly StoredEvent[], first: number): Generator<StoredEvent> {
  const { length } = events
  for (let i = first; i < length; i++) yield events[i] as StoredEvent
}

function* backward(events: readonly StoredEvent[], from: number, to: number): Generator<StoredEvent> {
  for (let i = from; i >= to; i--) yield events[i] as StoredEvent
}

/** The message for an event; for a link, with what it leads to, when that was asked for. */
export function resolved(log: Streams, event: StoredEvent, options: Options): streams.ReadResp {
  if (event.type !== LINK_TYPE || !options.getResolveLinks()) return readEvent(event, undefined)
  const [, revision, stream] = /^(\d+)@(.*)$/s.exec(Buffer.from(event.data).toString('utf8')) ?? []
  if (stream === undefined) return readEvent(event, undefined)
  return readEvent(log.events(stream)[Number(revision)], event)
}
