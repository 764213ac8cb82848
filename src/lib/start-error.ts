import { accessSync, closeSync, constants, existsSync, openSync, readlinkSync, readSync, statSync } from 'node:fs';
import path from 'node:path';
import { SwarmError } from '../domain/errors.ts';

/** A program and where it is looked for: by its path from `cwd`, or by its name in the directories of `searchPath`. */
export interface ProgramPlace {
  program: string;
  cwd: string;
  searchPath: string | undefined;
}

/** How the message names the program and its cure. */
export interface ProgramNames {
  /** The program to install where it is missing, e.g. `git 2.36 or newer`. */
  what?: string | undefined;
  /** The key of swarm.yaml that names the program, e.g. `verify.test`. */
  setting?: string | undefined;
  /** Command that installs it, where one is known. */
  install?: string | undefined;
}

/** Why a program cannot be started, and the cure: both without a full stop. */
export interface Obstacle {
  reason: string;
  cure: string;
  /** Naming another program would be a cure. */
  ofProgram: boolean;
}

/**
 * Errors of the system that each further try would meet again. All others pass: too many processes, a file that is
 * being written.
 */
const LASTING = new Set([
  'E2BIG',
  'EACCES',
  'EINVAL',
  'EISDIR',
  'ELIBBAD',
  'ELOOP',
  'ENAMETOOLONG',
  'ENOENT',
  'ENOEXEC',
  'ENOTDIR',
  'EPERM',
  'ERR_INVALID_ARG_VALUE',
]);
/** Errors whose cause can be seen in the files; where it is no longer seen, they have passed. */
const OF_FILES = new Set(['EACCES', 'EISDIR', 'ELOOP', 'ENOENT', 'ENOTDIR']);

const NO_FILE = 'there is no such file';

const WORDS: Readonly<Record<string, string>> = {
  E2BIG: 'its arguments and its environment are longer than the system takes',
  EAGAIN: 'there are too many processes',
  EMFILE: 'too many files are open',
  ENFILE: 'too many files are open',
  ENOEXEC: 'it is no program of this system',
  ENOMEM: 'there is too little memory',
  ERR_INVALID_ARG_VALUE: 'an argument is empty or holds a NUL',
  ETXTBSY: 'it is just being written',
};

/** A program that could not be started. `lasting` tells whether a further try would end in the same way. */
export class StartError extends SwarmError {
  readonly place: ProgramPlace;
  readonly reason: string;
  /** The obstacle can be seen in the files, and so can its end. */
  readonly visible: boolean;

  /** @param cause the error of `spawn`; undefined: the program was not tried, the files show the obstacle */
  constructor(place: ProgramPlace, cause: unknown, names: ProgramNames = {}) {
    const errno = (cause as NodeJS.ErrnoException | undefined)?.code ?? '';
    const obstacle = obstacleTo(place, names);
    const reason = obstacle?.reason ?? WORDS[errno] ?? (cause instanceof Error ? cause.message : String(cause));
    super('cannot-start', `${place.program} cannot be started: ${reason}${errno === '' ? '' : ` (${errno})`}`, {
      hint: obstacle?.ofProgram === false ? `${obstacle.cure}.` : cureOf(obstacle?.cure ?? 'Correct it', names),
      cause,
      // Nothing was started.
      retrySafe: true,
      lasting:
        obstacle === null ? LASTING.has(errno) && !OF_FILES.has(errno) : cause === undefined || LASTING.has(errno),
    });
    this.name = 'StartError';
    this.place = place;
    this.reason = reason;
    this.visible = obstacle !== null;
  }
}

/** The StartError for an error of `spawn`; null for any other, which the started program caused. */
export function startErrorOf(cause: unknown, place: ProgramPlace, names: ProgramNames = {}): StartError | null {
  const syscall = (cause as NodeJS.ErrnoException | undefined)?.syscall;
  return syscall?.startsWith('spawn') === true ? new StartError(place, cause, names) : null;
}

/** The StartError that a start would meet, without trying one; null: no obstacle is seen. */
export function startProblem(place: ProgramPlace, names: ProgramNames = {}): StartError | null {
  return obstacleTo(place) === null ? null : new StartError(place, undefined, names);
}

/**
 * The StartError behind an exit code: a script whose interpreter is missing is started all the same, and ends with 126
 * or 127.
 */
export function startProblemOf(code: number | null, place: ProgramPlace, names: ProgramNames = {}): StartError | null {
  return code === 126 || code === 127 ? startProblem(place, names) : null;
}

/** The obstacle that can be seen in the files, which are searched as a shell would; null: none. */
export function obstacleTo(place: ProgramPlace, { what = 'it', install }: ProgramNames = {}): Obstacle | null {
  const { program, cwd } = place;
  const missing = `Install ${what}${install === undefined ? '' : ` with \`${install}\``}`;
  if (!existsSync(cwd))
    return { reason: `its directory ${cwd} is gone`, cure: 'Make that directory anew', ofProgram: false };
  let first: Obstacle | null = null;
  for (const file of candidates(place)) {
    const obstacle = ofFile(file, missing) ?? ofInterpreter(file, place);
    if (obstacle === null) return null;
    if (program.includes('/')) return obstacle;
    if (obstacle.reason !== NO_FILE) first ??= { ...obstacle, reason: `${file}: ${obstacle.reason}` };
  }
  return first ?? { reason: 'there is no such program on PATH', cure: missing, ofProgram: true };
}

/** The file that would be started; null where there is none that could be. */
export function findProgram(place: ProgramPlace): string | null {
  return candidates(place).find((file) => ofFile(file, '') === null) ?? null;
}

function candidates({ program, cwd, searchPath }: ProgramPlace): string[] {
  if (program.includes('/')) return [path.resolve(cwd, program)];
  const directories = program === '' ? [] : (searchPath ?? '').split(path.delimiter);
  return directories.filter((directory) => directory !== '').map((directory) => path.join(directory, program));
}

function ofFile(file: string, missing: string): Obstacle | null {
  try {
    const stat = statSync(file);
    const kind = stat.isDirectory() ? 'a directory' : 'no file';
    if (!stat.isFile()) return { reason: `it is ${kind}`, cure: missing, ofProgram: true };
  } catch (error) {
    return { reason: whyUnseen(file, error as NodeJS.ErrnoException), cure: missing, ofProgram: true };
  }
  try {
    accessSync(file, constants.X_OK);
    return null;
  } catch {
    return { reason: 'it may not be executed', cure: `Make it executable (\`chmod +x ${file}\`)`, ofProgram: true };
  }
}

function whyUnseen(file: string, error: NodeJS.ErrnoException): string {
  if (error.code === 'EACCES') return 'its directory may not be entered';
  if (error.code === 'ELOOP') return 'its links lead in a circle';
  try {
    return `it is a link to ${readlinkSync(file)}, which is not there`;
  } catch {
    return NO_FILE;
  }
}

/**
 * The obstacle of a script's interpreter, the program that reads the file: `#!/usr/bin/python3`, `#!/usr/bin/env -S
 * node --flag`.
 */
function ofInterpreter(file: string, { cwd, searchPath }: ProgramPlace): Obstacle | null {
  const [interpreter, ...words] = firstLine(file)?.split(/\s+/) ?? [];
  if (interpreter === undefined) return null;
  const isEnv = path.basename(interpreter) === 'env';
  const named = isEnv ? words.find((word) => !word.startsWith('-') && !word.includes('=')) : undefined;
  for (const program of [interpreter, named]) {
    if (program === undefined || findProgram({ program, cwd, searchPath }) !== null) continue;
    const where = program.includes('/') ? 'is not there' : 'is not on PATH';
    const cure = `Install ${path.basename(program)}`;
    return { reason: `its interpreter ${program} ${where}`, cure, ofProgram: true };
  }
  return null;
}

/** The text after `#!`; null: it is no script, or one that may be executed but not read. */
function firstLine(file: string): string | null {
  try {
    const handle = openSync(file, 'r');
    try {
      const buffer = Buffer.alloc(256);
      const text = buffer.toString('utf8', 0, readSync(handle, buffer));
      return /^#!\s*(\S[^\n\r]*)/.exec(text)?.[1]?.trim() ?? null;
    } finally {
      closeSync(handle);
    }
  } catch {
    return null;
  }
}

function cureOf(cure: string, { setting }: ProgramNames): string {
  return setting === undefined ? `${cure}.` : `${cure}, or correct ${setting} in swarm.yaml.`;
}
