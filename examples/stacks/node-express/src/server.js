const express = require('express');

const app = express();
app.get('/:answer', (request, response) => response.send(`answer ${request.params.answer}\n`));
app.listen(8080);
