<?php
$database = new PDO('sqlite::memory:');
$document = new DOMDocument();
$document->loadXML('<p>hello from the stack</p>');
assert(function_exists('curl_init'));
echo $database->query('SELECT 6 * 7')->fetchColumn(), ' ', mb_strtolower($document->textContent), "\n";
