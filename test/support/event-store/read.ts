// `Streams/Read`: a stream or the whole log, forward or backward, once; with subscription options it never ends.
import streams from '@eventstore/db-client/generated/streams_pb.js'
import type { handleServerStreamingCall } from '@grpc/grpc-js'
import type { Context } from './context.js'
import type { StoredEvent } from './event.js'
import { refused } from './gate.js'
import { accessDenied, streamDeleted } from './refusals.js'
import { type ReadCall, Sink } from './sink.js'
import type { Streams } from './streams.js'
import { identifier, positionOf, readEvent, streamOf } from './wire.js'

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
  const stream = options.getStream()
  if (stream) {
    const name = streamOf(stream)
    if (log.isTombstoned(name)) return sink.refuse(streamDeleted(name))
    if (log.last(name) < 0 || log.isSoftDeleted(name)) {
      sink.send(notFound(name))
      return sink.end()
    }
  }
  let left = Number(options.getCount())
  for (const event of stream ? streamEvents(log, stream, options) : allEvents(log, options)) {
    if (left <= 0 || !sink.isOpen) break
    left -= 1
    sink.send(resolved(log, event, options))
    await sink.ready()
  }
  sink.end()
}

function notFound(stream: string): streams.ReadResp {
  const message = new streams.ReadResp.StreamNotFound().setStreamIdentifier(identifier(stream))
  return new streams.ReadResp().setStreamNotFound(message)
}

function* streamEvents(
  log: Streams,
  from: streams.ReadReq.Options.StreamOptions,
  options: Options,
): Generator<StoredEvent> {
  const events = log.events(streamOf(from))
  const last = events.length - 1
  const first = log.first(streamOf(from))
  const start = from.hasStart() ? 0 : from.hasEnd() ? undefined : Number(from.getRevision())
  if (isForward(options)) yield* slice(events, Math.max(start ?? last + 1, first), last)
  else yield* slice(events, Math.min(start ?? last, last), first)
}

function* allEvents(log: Streams, options: Options): Generator<StoredEvent> {
  const from = options.getAll() ?? new streams.ReadReq.Options.AllOptions()
  const last = log.all.length - 1
  const position = from.hasStart() ? 0 : from.hasEnd() ? undefined : positionOf(from.getPosition())
  const start = position === undefined ? last + 1 : log.indexOf(position)
  if (isForward(options)) yield* slice(log.all, start, last)
  else yield* slice(log.all, Math.min(start, last), 0)
}

function isForward(options: Options): boolean {
  return options.getReadDirection() === streams.ReadReq.Options.ReadDirection.FORWARDS
}

/** Events from one index to another, both of them too, in either direction. */
function* slice(events: readonly StoredEvent[], from: number, to: number): Generator<StoredEvent> {
  const step = from <= to ? 1 : -1
  for (let i = from; i !== to + step; i += step) {
    const event = events[i]
    if (event) yield event
  }
}

/** The message for an event; for a link, with what it leads to, when that was asked for. */
export function resolved(log: Streams, event: StoredEvent, options: Options): streams.ReadResp {
  const from = options.hasAll() ? 'all' : 'stream'
  if (event.type !== LINK_TYPE || !options.getResolveLinks()) return readEvent(event, undefined, from)
  const [, revision, stream = ''] = /^(\d+)@(.*)$/s.exec(Buffer.from(event.data).toString('utf8')) ?? []
  return readEvent(log.events(stream)[Number(revision)], event, from)
}
