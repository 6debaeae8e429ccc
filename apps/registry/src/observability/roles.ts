// Which role this replica is active in.
import { leads } from './metrics.js'

/** The roles that one replica at a time is active in. */
export const LED_ROLES = ['projection', 'publication'] as const
export type LedRole = (typeof LED_ROLES)[number]

/** Does the work of a role, and says so as long as it does. */
export async function leading<T>(role: LedRole, work: () => Promise<T>): Promise<T> {
  leads.set({ role }, 1)
  try {
    return await work()
  } finally {
    leads.set({ role }, 0)
  }
}
