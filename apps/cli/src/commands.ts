// The commands there are. Each is loaded only when it is asked for, so that the start stays short: to add one, write
// commands/<name>.ts with `register`, and a line here.
import type { Command } from 'commander'
import type { Context } from './context.js'

/** Adds arguments, options, examples and the action to the command, which has its name and summary already. */
export type Register = (command: Command, context: Context) => void

export interface CommandEntry {
  readonly name: string
  /** One line of `assistants --help`. */
  readonly summary: string
  readonly load: () => Promise<{ readonly register: Register }>
}

export interface CommandGroup {
  readonly title: string
  readonly commands: readonly CommandEntry[]
}

/** In the order in which `assistants --help` shows them. */
export const COMMANDS: readonly CommandGroup[] = [
  {
    title: 'Read:',
    commands: [
      {
        name: 'list',
        summary: 'the assistants there are',
        load: () => import('./commands/list.js'),
      },
    ],
  },
  {
    title: 'Move:',
    commands: [
      {
        name: 'export',
        summary: 'the log, or a part of it, as a file of events with checksums',
        load: () => import('./commands/export.js'),
      },
      {
        name: 'import',
        summary: 'events from such a file, or assistants from a LangGraph server',
        load: () => import('./commands/import.js'),
      },
      {
        name: 'replay',
        summary: 'the read model or the feed made again from the log',
        load: () => import('./commands/replay.js'),
      },
      {
        name: 'backup',
        summary: 'an embedded installation, while it runs',
        load: () => import('./commands/backup.js'),
      },
      {
        name: 'restore',
        summary: 'a backup put back, tested first',
        load: () => import('./commands/restore.js'),
      },
    ],
  },
  {
    title: 'This command:',
    commands: [
      {
        name: 'profile',
        summary: 'where the service is and who you are, kept by name',
        load: () => import('./commands/profile.js'),
      },
      {
        name: 'completion',
        summary: 'the completion script of a shell: bash, zsh, fish',
        load: () => import('./commands/completion.js'),
      },
    ],
  },
]
