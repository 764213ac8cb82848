import type { RepositoryFiles, SetupCommand, Toolchain, VerifyCommand } from './types.ts';

/** Ruby's programs run with the gems that the Gemfile names, whatever else is installed. */
export function rubyTools(files: RepositoryFiles): Toolchain | null {
  const from = ['Gemfile', '.rspec', 'Rakefile'].find((file) => files.has(file));
  if (from === undefined) return null;
  const run = files.has('Gemfile') ? ['bundle', 'exec'] : [];
  const test = rubyTest(files, run);
  const lints = run.length > 0 && /\brubocop\b/.test(files.read('Gemfile') ?? '') && files.has('.rubocop.yml');
  return {
    tool: run.length > 0 ? 'bundler' : 'rake',
    commands: [
      ...(test === null ? [] : [{ name: 'test', ...test }]),
      ...(lints ? [{ name: 'lint', argv: [...run, 'rubocop'], from: '.rubocop.yml' }] : []),
    ],
    allow: [],
  };
}

function rubyTest(files: RepositoryFiles, run: readonly string[]): Omit<VerifyCommand, 'name'> | null {
  if (files.has('.rspec')) return { argv: [...run, 'rspec'], from: '.rspec' };
  // An application's own start script loads the gems by itself.
  if (files.has('bin/rails') && files.has('test')) return { argv: ['bin/rails', 'test'], from: 'bin/rails' };
  return files.has('Rakefile') ? { argv: [...run, 'rake', 'test'], from: 'Rakefile' } : null;
}

export function rubySetup(files: RepositoryFiles): SetupCommand[] {
  return files.has('Gemfile') ? [{ argv: ['bundle', 'install'], from: 'Gemfile' }] : [];
}

export function phpTools(files: RepositoryFiles): Toolchain | null {
  const text = files.read('composer.json');
  if (text === null) return null;
  const config = ['phpunit.xml', 'phpunit.xml.dist'].find((file) => files.has(file));
  const test: VerifyCommand[] = /"scripts"\s*:\s*\{[^]*?"test"\s*:/.test(text)
    ? [{ name: 'test', argv: ['composer', 'test'], from: 'composer.json' }]
    : config === undefined
      ? []
      : [{ name: 'test', argv: ['vendor/bin/phpunit'], from: config }];
  return { tool: 'composer', commands: test, allow: [] };
}

export function phpSetup(files: RepositoryFiles): SetupCommand[] {
  const from = ['composer.lock', 'composer.json'].find((file) => files.has(file));
  return from === undefined ? [] : [{ argv: ['composer', 'install', '--no-interaction'], from }];
}
