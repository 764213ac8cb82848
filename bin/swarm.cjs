#!/usr/bin/env node
/* Finds a Node that can run swarm and hands over to it. Written so that any Node can read it: no syntax newer than ES5. */
'use strict';

var childProcess = require('child_process');
var fs = require('fs');
var path = require('path');

var REQUIRED = 24;
var root = path.resolve(fs.realpathSync(__filename), '..', '..');
var ownNode = path.join(root, 'node_modules/node/bin/node');

function majorOf(version) {
  return parseInt(String(version).replace(/^[^0-9]*/, ''), 10) || 0;
}

function listing(directory) {
  try {
    return fs.readdirSync(directory);
  } catch (absent) {
    return [];
  }
}

/* Newest first: the versions that a version manager keeps as DIRECTORY/<version>/… */
function managed(directory, rest) {
  return listing(directory)
    .filter(function (name) {
      return majorOf(name) >= REQUIRED;
    })
    .sort(function (a, b) {
      return majorOf(b) - majorOf(a);
    })
    .map(function (name) {
      return path.join(directory, name, rest);
    });
}

function candidates() {
  var home = process.env.HOME || '/';
  var onPath = String(process.env.PATH || '')
    .split(path.delimiter)
    .filter(Boolean)
    .map(function (directory) {
      return path.join(directory, 'node');
    });
  return [process.env.SWARM_NODE, ownNode]
    .concat(onPath)
    .concat(managed(path.join(process.env.NVM_DIR || path.join(home, '.nvm'), 'versions/node'), 'bin/node'))
    .concat(managed(path.join(process.env.VOLTA_HOME || path.join(home, '.volta'), 'tools/image/node'), 'bin/node'))
    .concat(managed(path.join(home, '.local/share/fnm/node-versions'), 'installation/bin/node'))
    .concat(managed(path.join(home, '.local/share/mise/installs/node'), 'bin/node'))
    .concat(['/usr/local/bin/node', '/opt/homebrew/bin/node', '/usr/bin/node'])
    .filter(function (file, index, all) {
      return file && all.indexOf(file) === index && fs.existsSync(file);
    });
}

function findNode() {
  var files = candidates();
  for (var i = 0; i < files.length; i += 1) {
    /* Asking costs a process; the repository's own was checked when it was installed. */
    if (files[i] === ownNode) return ownNode;
    var answer = childProcess.spawnSync(files[i], ['--version'], { encoding: 'utf8' });
    if (answer.status === 0 && majorOf(answer.stdout) >= REQUIRED) return files[i];
  }
  return null;
}

function fail(message) {
  console.error('swarm: ' + message);
  process.exit(1);
}

function programFile() {
  try {
    var build = fs.readFileSync(path.join(root, 'dist/current'), 'utf8').trim();
    return path.join(root, 'dist', build, 'cli.js');
  } catch (absent) {
    return fail('not built yet; run ' + path.join(root, 'scripts/swarm') + ' once');
  }
}

/* Another Node has to do it: same terminal, same arguments, same end. */
function handOver(node, program) {
  var child = childProcess.spawn(node, [program].concat(process.argv.slice(2)), { stdio: 'inherit' });
  ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2'].forEach(function (signal) {
    process.on(signal, function () {
      /* A terminal sends Ctrl-C to both of us; passed on, it would count as the second, impatient one. */
      if ((signal === 'SIGINT' || signal === 'SIGQUIT') && process.stdin.isTTY) return;
      child.kill(signal);
    });
  });
  child.on('error', function (error) {
    fail('cannot start ' + node + ': ' + error.message);
  });
  child.on('exit', function (code, signal) {
    if (signal === null) process.exit(code);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}

var program = programFile();
process.env.SWARM_COMMAND = process.env.SWARM_COMMAND || 'swarm';
if (majorOf(process.version) >= REQUIRED) {
  require('./import.cjs')(program);
} else {
  var node = findNode();
  if (node === null) {
    fail(
      'needs Node >= ' +
        REQUIRED +
        ' (this is ' +
        process.version +
        '): nvm install ' +
        REQUIRED +
        ', or https://nodejs.org/en/download, or set SWARM_NODE=/path/to/node',
    );
  } else {
    handOver(node, program);
  }
}
