import { currentUid } from '../../process/account.ts';
import { connect } from '../../api/client.ts';
import { SwarmError, errorText } from '../../domain/errors.ts';
import { withWorktreesDir } from '../../domain/layout.ts';
import { refuseInsideAgent, type Context } from '../project/context.ts';
import {
  blocks,
  findingLines,
  findingOf,
  summary,
  toFinding,
  type Diagnosis,
  type DoctorDocument,
  type Finding,
} from './finding.ts';
import { checkGitLocks } from './git-locks.ts';
import { checkHooks } from './hooks.ts';
import { checkOrphans } from './orphans.ts';
import type { Patient } from './patient.ts';
import { checkDisk, checkModes, checkSockets } from './places.ts';
import { checkClaude, checkNamed, checkPrograms } from './programs.ts';
import { checkStates } from './states.ts';
import { checkConfig, checkIndexSettings, checkRemotes, checkWorktrees, readConfig } from './project.ts';
import { checkSetups } from './setup.ts';
import { checkBroker, checkLingering, checkStore, checkSupervisor, checkTmuxServer } from './services.ts';
import { parseConfig } from '../../config/index.ts';
import { placeOfUp } from '../project/place.ts';
import { isLocked, lookHere } from '../project/project.ts';

const STATUS_TIMEOUT_MS = 3_000;
/** How long a supervisor that has just died may take to be started again, ms. */
const PATIENCE_MS = 3_000;

/** In the order in which they are printed. */
const CHECKS: readonly (readonly [name: string, check: (patient: Patient) => Diagnosis[] | Promise<Diagnosis[]>])[] = [
  ['claude', checkClaude],
  ['hooks', checkHooks],
  ['config', checkConfig],
  ['programs', checkNamed],
  ['modes', checkModes],
  ['disk', checkDisk],
  ['store', checkStore],
  ['states', checkStates],
  ['supervisor', checkSupervisor],
  ['broker', checkBroker],
  // Before checkTmuxServer, which may end the server that shows the orphans.
  ['orphans', ({ layout }) => checkOrphans(layout)],
  ['tmux-server', checkTmuxServer],
  ['sockets', checkSockets],
  // Before checks that need git to write.
  ['git-locks', checkGitLocks],
  ['worktrees', checkWorktrees],
  ['set-up', checkSetups],
  ['remotes', checkRemotes],
  ['index-settings', checkIndexSettings],
  ['linger', checkLingering],
];

/** @returns 1 when a finding blocks */
export async function doctor(context: Context, options: { fix?: boolean }): Promise<number> {
  // An orphan among them could be the very agent that asks.
  if (options.fix === true) refuseInsideAgent(context.env, 'swarm doctor --fix');
  const { output } = context;
  const findings: Finding[] = [];
  const tell = (finding: Finding): void => {
    findings.push(finding);
    for (const line of findingLines(finding, output)) output.line(line);
  };
  for await (const diagnosis of diagnose(context)) {
    tell(
      options.fix === true && diagnosis.repair !== undefined
        ? await repaired(diagnosis, diagnosis.repair)
        : toFinding(diagnosis),
    );
  }
  const healthy = !findings.some(blocks);
  output.document({ ok: healthy, findings } satisfies DoctorDocument);
  output.line();
  output.line(summary(findings));
  return healthy ? 0 : 1;
}

/** One check after the other, so that a repair is done before the next look. */
async function* diagnose(context: Context): AsyncGenerator<Diagnosis> {
  const place = await findPatient(context);
  if ('broken' in place) {
    yield* await checkPrograms(context, parseConfig('', 'swarm.yaml'));
    yield place.broken;
    return;
  }
  const { patient, config } = place;
  yield* await checkPrograms(context, patient.config);
  if (config !== null) yield config;
  for (const [name, check] of CHECKS) {
    // The trouble with swarm.yaml is reported already.
    if (name === 'config' && config !== null) continue;
    context.interrupt.signal.throwIfAborted();
    try {
      yield* await check(patient);
    } catch (error) {
      context.interrupt.signal.throwIfAborted();
      // A failed check must not hide the findings of the others.
      yield findingOf(name, error, 'warning');
    }
  }
}

async function findPatient(
  context: Context,
): Promise<{ patient: Patient; config: Diagnosis | null } | { broken: Diagnosis }> {
  try {
    const { layout: here } = await lookHere(context);
    const { config, broken } = await readConfig(here.root);
    const layout = await placeOfUp(withWorktreesDir(here, config.worktree));
    const status = await connect(layout, {
      timeoutMs: STATUS_TIMEOUT_MS,
      patienceMs: PATIENCE_MS,
      signal: context.interrupt.signal,
    })
      .status.show()
      .catch((error: unknown) => {
        // Down, or not answering: the lock tells which.
        if (error instanceof SwarmError) return null;
        throw error;
      });
    const patient = { context, uid: currentUid(), layout, config, status, locked: await isLocked(layout) };
    return { patient, config: broken };
  } catch (error) {
    context.interrupt.signal.throwIfAborted();
    return { broken: findingOf('repository', error) };
  }
}

async function repaired(diagnosis: Diagnosis, repair: () => Promise<string>): Promise<Finding> {
  const { repair: _repair, ...finding } = diagnosis;
  try {
    return { ...finding, text: await repair(), cause: finding.text, cure: undefined, fix: 'done' };
  } catch (error) {
    return { ...finding, cause: `It could not be put right: ${errorText(error)}`, fix: 'failed' };
  }
}
