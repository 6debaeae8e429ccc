// The running service as where an import goes.
import type { Checked, ExportedEvent, ImportTarget } from '@assistant-ledger/audit'
import type { Service } from './service.js'

/** How long the service may take for one batch, beside the usual time. */
const BATCH_MS = 60_000

export interface ServiceTarget extends ImportTarget {
  /**
   * Sends to one of the service's ways in for imports.
   * @param what is done, as a failure names it
   * @throws Failure
   */
  send<Body>(path: string, body: unknown, what: string): Promise<Body>
}

/** @throws Failure the service is not there, or the caller may not */
export async function importTarget(service: Service, reason: string | undefined): Promise<ServiceTarget> {
  const { project } = (await service.ask<{ project: string }>('GET', '/admin', { what: 'import' })).body
  const why = reason === undefined ? {} : { headers: { 'X-Reason': encodeURIComponent(reason) } }
  // Whatever is sent again changes nothing the second time, so these are questions to the one who sends.
  const send = async <Body>(path: string, body: unknown, what: string): Promise<Body> =>
    (await service.ask<Body>('POST', `/admin/import/${path}`, { body, what, waitMs: BATCH_MS, ...why })).body
  return {
    project,
    send,
    check: (claims) => send<Checked>('check', { claims }, 'comparing events with what the service has'),
    write: (events: readonly ExportedEvent[]) =>
      send<{ written: number }>('events', { events }, 'writing events'),
    note: async (of) => void (await send('note', of, 'noting the import in the log')),
  }
}
