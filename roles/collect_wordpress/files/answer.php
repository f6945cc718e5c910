<?php
// What programs have in common that read the settings of a site which somebody else has set up.

[, $aegir_path, $aegir_name, $aegir_answer] = $argv;
$aegir_path = rtrim($aegir_path, '/');
// Settings may depend on it.
$_SERVER += ['HTTP_HOST' => $aegir_name ?: 'localhost', 'SERVER_NAME' => $aegir_name ?: 'localhost', 'REQUEST_URI' => '/'];

function aegir_answer(array $found): never
{
    file_put_contents($GLOBALS['aegir_answer'], json_encode($found, JSON_INVALID_UTF8_SUBSTITUTE));
    exit(0);
}

function aegir_refuse(string $problem): never
{
    aegir_answer(['problem' => $problem]);
}
