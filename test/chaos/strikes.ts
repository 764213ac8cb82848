import type { Random } from './random.ts';
import { PARTS, type Part } from './victims.ts';

/** One harm done to a swarm. */
export type Strike =
  | { name: string; how: 'kill'; parts: Part[] }
  /** SIGSTOP, and SIGCONT so many ms later. */
  | { name: string; how: 'stop'; part: Part; ms: number }
  /** One after the other, with so many ms in between. */
  | { name: string; how: 'twice'; parts: [Part, Part]; ms: number }
  | { name: string; how: 'everything' }
  /** No process is harmed, but something that they need. */
  | { name: string; how: 'other'; act(): Promise<void> };
/** Makes a strike of one kind, with the details that the seed decides. */
export type Deal = (random: Random) => Strike;

const STOP_MS = { least: 200, most: 2_500 };
const BETWEEN_MS = 600;

/** Every kind comes as often as any other, in an order that the seed decides. */
export function* deals(deck: readonly Deal[], random: Random): Generator<Strike, never> {
  for (;;) for (const deal of random.shuffled(deck)) yield deal(random);
}

export const kill =
  (...parts: Part[]): Deal =>
  () => ({ name: `kill ${parts.join(' + ')}`, how: 'kill', parts });
export const stop =
  (part: Part): Deal =>
  (random) => ({
    name: `stop ${part}`,
    how: 'stop',
    part,
    ms: random.between(STOP_MS.least, STOP_MS.most),
  });

const deck: Deal[] = [
  ...PARTS.map((part) => kill(part)),
  ...PARTS.map((part) => stop(part)),
  kill('supervisor', 'wrapper'),
  kill('supervisor', 'broker'),
  kill('tmux', 'supervisor'),
  (random) => {
    const [first = 'agent', second = 'wrapper'] = random.shuffled(PARTS);
    return { name: 'kill two in a row', how: 'twice', parts: [first, second], ms: random.between(0, BETWEEN_MS) };
  },
  () => ({ name: 'kill everything', how: 'everything' }),
];

export const strikes = (random: Random): Generator<Strike, never> => deals(deck, random);
