/* Apart from swarm.cjs because an old Node cannot even read `import()`. */
'use strict';

var url = require('url');

/* Loads an ES module into this process. The program it holds sets the exit code itself. */
module.exports = function load(file) {
  return import(url.pathToFileURL(file).href);
};
