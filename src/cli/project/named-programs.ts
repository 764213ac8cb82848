import { programsOf, type Config } from '../../config/index.ts';
import { startProblem, type StartError } from '../../lib/start-error.ts';

export interface NamedProblem {
  /** The key of swarm.yaml. */
  key: string;
  /** argv[0]. */
  program: string;
  problem: StartError;
  /** The effect of the problem. */
  cause: string;
}

/** Effects, by key. Other checks report claude roles and tmux. */
const COMES_OF_IT: readonly (readonly [prefix: string, cause: string])[] = [
  ['verify.', 'Tasks that are verified with it fail.'],
  ['worktree.setup', 'Agents do not start before their worktrees are set up.'],
  ['worktree.teardown', 'Worktrees in which it is to run are kept.'],
  ['alerts.command', 'No alert is passed on by it.'],
];

/** Programs in swarm.yaml that cannot be started, by the files of the person's checkout. */
export function namedProblems(config: Config, root: string, env: NodeJS.ProcessEnv): NamedProblem[] {
  return programsOf(config).flatMap(([key, [program = '']]) => {
    const cause = COMES_OF_IT.find(([prefix]) => key.startsWith(prefix))?.[1];
    if (cause === undefined) return [];
    const problem = startProblem({ program, cwd: root, searchPath: env['PATH'] }, { setting: key });
    return problem === null ? [] : [{ key, program, problem, cause }];
  });
}
