const { createServer } = require('node:http');

createServer((_request, response) => response.end('hello from the stack\n')).listen(8080);
