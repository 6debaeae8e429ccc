// Assistants by the beginning of their id: found by halving the list of all, which the service has in the order of ids.
import { NAMED, type Named } from './named.js'
import type { Service } from './service.js'
import type { Assistant } from './shapes.js'

const FORM = 'xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx'
/** Less says nothing. */
const LEAST = 4

/** Whether it may be the beginning of an id. */
export const beginsId = (text: string): boolean =>
  text.length >= LEAST &&
  text.length < FORM.length &&
  [...text].every((letter, at) => (FORM[at] === '-' ? letter === '-' : /[0-9a-f]/i.test(letter)))

/** Those whose id begins so, at most so many. @throws Failure */
export async function idsFrom(service: Service, beginning: string, most: number): Promise<Named[]> {
  const from = beginning.toLowerCase()
  let low = 0
  let high = (await page(service, 0, 1)).total
  while (low < high) {
    const middle = (low + high) >> 1
    const [one] = (await page(service, middle, 1)).found
    if (one !== undefined && one.assistant_id < from) low = middle + 1
    else high = middle
  }
  const { found } = await page(service, low, most)
  return found.filter(({ assistant_id }) => assistant_id.startsWith(from))
}

async function page(service: Service, offset: number, limit: number) {
  const { body, headers } = await service.ask<Assistant[]>('POST', '/assistants/search', {
    body: {
      select: NAMED,
      sort_by: 'assistant_id',
      sort_order: 'asc',
      limit,
      offset,
    },
    expects: 'list',
  })
  return { found: body, total: Number(headers.get('x-pagination-total') ?? 0) }
}
