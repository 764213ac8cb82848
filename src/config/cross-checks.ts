/** What settings of swarm.yaml must be to each other: rules that no setting can keep by itself. */
import type * as z from 'zod';

/** The settings that rules are about. Durations in ms. */
interface Settings {
  tasks: { heartbeat: number; lease: number };
  checkpoints: { keep: { all: number; hourly: number; daily: number } };
  agents: Record<string, { kind: string; slots: number; backoff: number; backoffMax: number }>;
  worktree: { ports?: { base: number; size: number } | undefined; link: string[]; setup: string[][] };
  defaultVerify?: string | undefined;
  verify: Record<string, unknown>;
}

/** `accepted` completes "expected …". */
type Refuse = (path: string[], accepted: string, input: unknown) => void;

const HIGHEST_PORT = 65_535;
const PACKAGE_MANAGERS = ['npm', 'pnpm', 'yarn', 'bun'];
const INSTALLS = ['ci', 'i', 'install'];

export function crossChecks(settings: Settings, context: z.core.$RefinementCtx): void {
  const refuse: Refuse = (path, accepted, input) =>
    context.addIssue({ code: 'custom', path, message: accepted, input });
  checkTasks(settings, refuse);
  checkCheckpoints(settings, refuse);
  checkAgents(settings, refuse);
  checkWorktree(settings, refuse);
  checkVerify(settings, refuse);
}

function checkTasks({ tasks }: Settings, refuse: Refuse): void {
  if (tasks.heartbeat >= tasks.lease)
    refuse(['tasks', 'heartbeat'], 'a duration shorter than tasks.lease', tasks.heartbeat);
}

function checkCheckpoints({ checkpoints: { keep } }: Settings, refuse: Refuse): void {
  for (const [shorter, longer] of [
    ['all', 'hourly'],
    ['hourly', 'daily'],
  ] as const) {
    if (keep[shorter] > keep[longer])
      refuse(['checkpoints', 'keep', shorter], `a duration no longer than checkpoints.keep.${longer}`, keep[shorter]);
  }
}

function checkAgents({ agents }: Settings, refuse: Refuse): void {
  for (const [role, { kind, slots, backoff, backoffMax }] of Object.entries(agents)) {
    if (backoff > backoffMax) refuse(['agents', role, 'backoff'], 'a duration no longer than backoffMax', backoff);
    if (kind === 'claude' && slots > 1)
      refuse(['agents', role, 'slots'], '1 (only agents of kind shell run several tasks at once)', slots);
  }
}

function checkWorktree({ worktree: { ports, link, setup } }: Settings, refuse: Refuse): void {
  // An installer first empties the folder, and would do so through the link.
  const installs = setup.some(
    ([program = '', ...words]) => PACKAGE_MANAGERS.includes(program) && words.some((word) => INSTALLS.includes(word)),
  );
  if (installs && link.some((entry) => entry.replace(/\/+$/, '') === 'node_modules')) {
    const accepted = 'a list without node_modules, which `setup` installs: through the link it would change yours';
    refuse(['worktree', 'link'], accepted, link);
  }
  if (ports !== undefined && ports.base + ports.size > HIGHEST_PORT + 1)
    refuse(['worktree', 'ports', 'base'], `a base that leaves room for ports up to ${HIGHEST_PORT}`, ports.base);
}

function checkVerify({ defaultVerify, verify }: Settings, refuse: Refuse): void {
  if (defaultVerify === undefined || Object.hasOwn(verify, defaultVerify)) return;
  const names = Object.keys(verify);
  const accepted =
    names.length === 0 ? 'the name of a command under `verify`, which has none' : `one of ${names.join(', ')}`;
  refuse(['defaultVerify'], accepted, defaultVerify);
}
