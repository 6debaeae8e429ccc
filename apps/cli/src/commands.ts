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
    title: 'Look:',
    commands: [
      {
        name: 'list',
        summary: 'the assistants there are',
        load: () => import('./commands/list.js'),
      },
      {
        name: 'search',
        summary: 'assistants by name, metadata or graph',
        load: () => import('./commands/search.js'),
      },
      {
        name: 'show',
        summary: 'one assistant: now, as a version, as it was',
        load: () => import('./commands/show.js'),
      },
      {
        name: 'environments',
        summary: 'which version each environment points to',
        load: () => import('./commands/environments.js'),
      },
      {
        name: 'fleet',
        summary: 'which runner is on what, since when',
        load: () => import('./commands/fleet.js'),
      },
    ],
  },
  {
    title: 'Ask the past:',
    commands: [
      {
        name: 'log',
        summary: 'what happened: who, when, why; also as it comes',
        load: () => import('./commands/log.js'),
      },
      {
        name: 'diff',
        summary: 'what differs between two versions, environments or times',
        load: () => import('./commands/diff.js'),
      },
      {
        name: 'blame',
        summary: 'which version set each field, by whom, when and why',
        load: () => import('./commands/blame.js'),
      },
      {
        name: 'why',
        summary: 'what is behind a run: content, author, reason, receipts',
        load: () => import('./commands/why.js'),
      },
    ],
  },
  {
    title: 'Change:',
    commands: [
      {
        name: 'create',
        summary: 'a new assistant',
        load: () => import('./commands/create.js'),
      },
      {
        name: 'edit',
        summary: 'change an assistant in your editor',
        load: () => import('./commands/edit.js'),
      },
      {
        name: 'update',
        summary: 'a new version, from options or a file',
        load: () => import('./commands/update.js'),
      },
      {
        name: 'impact',
        summary: 'what promoting a version would change, and whom it would reach',
        load: () => import('./commands/impact.js'),
      },
      {
        name: 'promote',
        summary: 'point an environment to a version',
        load: () => import('./commands/promote.js'),
      },
      {
        name: 'rollback',
        summary: 'take an environment back to the version before',
        load: () => import('./commands/rollback.js'),
      },
      {
        name: 'revert',
        summary: 'an old content again, as a new version; of a set at once',
        load: () => import('./commands/revert.js'),
      },
      {
        name: 'delete',
        summary: 'delete an assistant; its history stays',
        load: () => import('./commands/delete.js'),
      },
      {
        name: 'plan',
        summary: 'what files would change in the service',
        load: () => import('./commands/plan.js'),
      },
      {
        name: 'apply',
        summary: 'make the service as files say',
        load: () => import('./commands/apply.js'),
      },
    ],
  },
  {
    title: 'Prove and move:',
    commands: [
      {
        name: 'verify',
        summary: 'prove that the log was not altered, and that all agrees with it',
        load: () => import('./commands/verify.js'),
      },
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
        name: 'doctor',
        summary: 'check the connections, and what of a set-up works here',
        load: () => import('./commands/doctor.js'),
      },
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
