import { AGENT_MARK, WRAPPER_MARK } from './marks.ts';

/**
 * The receivers of an environment: `programs`: agents and their commands, which get the person's own; `swarm`: its
 * supervisor, wrappers and tmux server; `git`: the calls of git whose output swarm reads.
 */
export type Receiver = 'programs' | 'swarm' | 'git';

const RECEIVERS = {
  /** Variables that name the repository, index or objects for git to work on. An agent has a worktree of its own. */
  repository: [],
  /**
   * Variables that describe the terminal, agent or command from which swarm was called, and are wrong for every program
   * that lives on.
   */
  caller: [],
  /** Variables that change git's answers, or add to them. */
  answers: ['programs', 'swarm'],
  /** Variables that tell Node how to run a program, and what to load into it: said for the person's own programs. */
  runtime: ['programs', 'git'],
  /**
   * Named because git, or a reader, might take it for one of the above. A variable that no row names is given to all as
   * well.
   */
  kept: ['programs', 'swarm', 'git'],
} as const satisfies Record<string, readonly Receiver[]>;

export type VariableClass = keyof typeof RECEIVERS;

interface Row {
  class: VariableClass;
  /** A `*` at the end stands for any ending. */
  names: readonly string[];
  why: string;
}

/** Every decision about a variable that a caller's environment may hold. */
export const VARIABLES: readonly Row[] = [
  {
    class: 'repository',
    names: ['GIT_DIR', 'GIT_WORK_TREE', 'GIT_IMPLICIT_WORK_TREE', 'GIT_COMMON_DIR', 'GIT_PREFIX', 'GIT_INTERNAL_*'],
    why: 'Git sets them for hooks, and for aliases in a linked worktree; dotfiles shells export them.',
  },
  {
    class: 'repository',
    names: ['GIT_INDEX_FILE'],
    why: 'In a commit hook it is the index of that commit.',
  },
  {
    class: 'repository',
    names: ['GIT_OBJECT_DIRECTORY', 'GIT_ALTERNATE_OBJECT_DIRECTORIES', 'GIT_QUARANTINE_PATH'],
    why: 'A hook of a push has its objects in a place that is thrown away if the push is refused.',
  },
  {
    class: 'repository',
    names: ['GIT_SHALLOW_FILE', 'GIT_GRAFT_FILE', 'GIT_NO_REPLACE_OBJECTS', 'GIT_REPLACE_REF_BASE'],
    why: 'They change which history a repository has.',
  },
  {
    class: 'repository',
    names: ['GIT_NAMESPACE', 'GIT_ATTR_SOURCE'],
    why: 'They name refs and a tree of one repository; a task branch would be made out of sight.',
  },
  {
    class: 'repository',
    names: ['GIT_CONFIG'],
    why: 'It is the file that `git config` reads and writes instead of the repository’s.',
  },
  {
    class: 'caller',
    names: ['TMUX', 'TMUX_PANE', 'COLUMNS', 'LINES'],
    why: 'Of the terminal around us. An agent’s `tmux kill-server` must not find a server by them.',
  },
  {
    class: 'caller',
    names: [
      AGENT_MARK,
      WRAPPER_MARK,
      'SWARM_DEMO_COMMAND',
      'SWARM_AGENT',
      'SWARM_WORKTREE',
      'SWARM_ROOT',
      'SWARM_PORT_BASE',
    ],
    why: 'Of the agent around us: what is started from there would count, and be ended, as that agent’s.',
  },
  {
    class: 'caller',
    names: [
      'CLAUDECODE',
      'CLAUDE_PID',
      'CLAUDE_EFFORT',
      'CLAUDE_ENV_FILE',
      'CLAUDE_PROJECT_DIR',
      'CLAUDE_CODE_CHILD_NOTES_DIR',
      'CLAUDE_CODE_CHILD_SESSION',
      'CLAUDE_CODE_ENTRYPOINT',
      'CLAUDE_CODE_EXECPATH',
      'CLAUDE_CODE_MESSAGING_SOCKET',
      'CLAUDE_CODE_MESSAGING_TOKEN',
      'CLAUDE_CODE_SESSION_ATTENDED',
      'CLAUDE_CODE_SESSION_ID',
      'CLAUDE_CODE_SSE_PORT',
    ],
    why: 'Of the Claude Code around us: an agent would take itself for its child.',
  },
  {
    class: 'caller',
    names: ['GIT_AUTHOR_DATE', 'GIT_COMMITTER_DATE'],
    why: 'Git sets the first for hooks of a commit: everything that agents commit for days would be of that second.',
  },
  {
    class: 'caller',
    names: ['GIT_CHERRY_PICK_HELP'],
    why: 'Of a rebase around us. With it a cherry-pick that conflicts forgets which commit it was picking.',
  },
  {
    class: 'caller',
    names: ['GIT_REFLOG_ACTION', 'GIT_PAGER_IN_USE', 'GIT_PUSH_OPTION_*'],
    why: 'Of the git command around us: what it does, where it prints and what it was told.',
  },
  {
    class: 'caller',
    names: ['GIT_LITERAL_PATHSPECS', 'GIT_GLOB_PATHSPECS', 'GIT_NOGLOB_PATHSPECS', 'GIT_ICASE_PATHSPECS'],
    why: 'Editors call git with such an option each time; it is about the paths of that one call.',
  },
  {
    class: 'answers',
    names: ['GIT_TRACE*', 'GIT_CURL_VERBOSE'],
    why: 'They write to stderr, which is read for the cause of a failure.',
  },
  {
    class: 'answers',
    names: ['GIT_EXTERNAL_DIFF', 'GIT_DIFF_OPTS', 'GIT_MERGE_VERBOSITY', 'GIT_PRINT_SHA1_ELLIPSIS'],
    why: 'They change output that is parsed.',
  },
  {
    class: 'answers',
    names: ['GIT_INDEX_VERSION'],
    why: 'Index files of swarm’s own are read without git.',
  },
  {
    class: 'answers',
    names: ['LANGUAGE'],
    why: 'It outranks LC_ALL in gettext, and what git says is parsed.',
  },
  {
    class: 'caller',
    names: ['NODE_CHANNEL_FD', 'NODE_CHANNEL_SERIALIZATION_MODE', 'NODE_UNIQUE_ID', 'NODE_TEST_CONTEXT'],
    why: 'Of the Node program around us: a descriptor to talk to it, which is another file here.',
  },
  {
    class: 'runtime',
    names: ['NODE_*', 'VSCODE_INSPECTOR_OPTIONS'],
    why:
      'A module that NODE_OPTIONS loads may be a debugger’s file that is gone in an hour, or a package that is found in' +
      ' the checkout alone: no supervisor or wrapper could start. NODE_V8_COVERAGE would write into a test run of theirs.',
  },
  {
    class: 'kept',
    names: ['NODE_ENV', 'NODE_EXTRA_CA_CERTS', 'NODE_USE_SYSTEM_CA', 'NODE_TLS_REJECT_UNAUTHORIZED'],
    why: 'Which certificates count, also for a broker by URL.',
  },
  {
    class: 'kept',
    names: ['GIT_CONFIG_COUNT', 'GIT_CONFIG_KEY_*', 'GIT_CONFIG_VALUE_*', 'GIT_CONFIG_PARAMETERS'],
    why:
      'Settings, of the shell and of `git -c key=value sw up`: said for what `up` starts. Git counts them as local, but' +
      ' an agent’s worktree has the same repository’s settings, and none leads elsewhere: core.worktree and core.bare' +
      ' do not count when they come from here.',
  },
  {
    class: 'kept',
    names: ['GIT_CEILING_DIRECTORIES', 'GIT_DISCOVERY_ACROSS_FILESYSTEM'],
    why: 'How far up a repository is looked for; git itself skips entries that are not absolute.',
  },
  {
    class: 'kept',
    names: ['GIT_SSH*', 'GIT_ASKPASS', 'GIT_SSL_*', 'GIT_HTTP_*', 'GIT_PROXY_*', 'GIT_ALLOW_PROTOCOL'],
    why: 'How a remote is reached. A checkout in a partial clone fetches, so that swarm’s own git needs it as well.',
  },
  {
    class: 'kept',
    names: ['GIT_EXEC_PATH'],
    why: 'A git that was moved finds its own programs by it.',
  },
];

const EXACT = new Map<string, VariableClass>();
const BEGINNINGS: (readonly [string, VariableClass])[] = [];
for (const row of VARIABLES) {
  for (const name of row.names) {
    if (name.endsWith('*')) BEGINNINGS.push([name.slice(0, -1), row.class]);
    else EXACT.set(name, row.class);
  }
}

/** The class of a variable; null: no row names it. */
export function classOf(name: string): VariableClass | null {
  return EXACT.get(name) ?? BEGINNINGS.find(([beginning]) => name.startsWith(beginning))?.[1] ?? null;
}

/** Cached by name: every call of git asks about the same hundred. */
const receiversKnown = new Map<string, readonly Receiver[]>();

function receiversOf(name: string): readonly Receiver[] {
  const known = receiversKnown.get(name);
  if (known !== undefined) return known;
  const receivers = RECEIVERS[classOf(name) ?? 'kept'];
  receiversKnown.set(name, receivers);
  return receivers;
}

/** Options of Node for swarm's own programs, in the place of the person's NODE_OPTIONS. */
const OWN_NODE_OPTIONS = 'SWARM_NODE_OPTIONS';

/** The part of a caller's environment that this receiver gets. Applying it twice is the same as once. */
export function environmentFor(
  receiver: Receiver,
  from: Readonly<Record<string, string | undefined>>,
): Record<string, string> {
  const env: Record<string, string> = {};
  for (const [name, value] of Object.entries(from))
    if (value !== undefined && receiversOf(name).includes(receiver)) env[name] = value;
  const own = from[OWN_NODE_OPTIONS];
  if (receiver === 'swarm' && own !== undefined) env['NODE_OPTIONS'] = own;
  return env;
}
