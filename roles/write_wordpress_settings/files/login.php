<?php
// Answers /.well-known/aegir-login: signs one person in, once. The link's token is known here by its hash only, as the name
// of a file; whoever manages to rename that file has used it.

header('Cache-Control: no-store');
header('Referrer-Policy: no-referrer');
header('X-Robots-Tag: noindex');

function aegir_refuse(int $code, string $title, string $text): never
{
    http_response_code($code);
    header('Content-Type: text/html; charset=utf-8');
    echo "<!doctype html><html lang=en><meta name=viewport content='width=device-width'><title>$title</title>"
        . "<body style='font:16px/1.5 system-ui;max-width:36em;margin:4em auto;padding:0 1em'><h1>$title</h1><p>$text</p>";
    exit;
}

function aegir_burn(string $token): array
{
    $file = dirname(__DIR__) . '/private/aegir-login/' . hash('sha256', $token);
    $used = $file . '.' . bin2hex(random_bytes(8));
    if (!preg_match('/\A[0-9a-f]{64}\z/', $token) || !@rename($file, $used)) {
        aegir_refuse(410, 'This link was used', 'A link signs in once, and within five minutes. Ask Aegir for a new one.');
    }
    $login = json_decode(file_get_contents($used), true);
    unlink($used);
    if ($login['expires'] < time()) {
        aegir_refuse(410, 'This link is too old', 'A link signs in within five minutes. Ask Aegir for a new one.');
    }
    return $login;
}

// What only looks at a link (HEAD, the preview of a chat) must not use it up.
if ($_SERVER['REQUEST_METHOD'] !== 'GET') {
    header('Allow: GET');
    aegir_refuse(405, 'Open this link in a browser', 'It signs in when it is opened.');
}
$aegir_login = aegir_burn(is_string($_GET['token'] ?? null) ? $_GET['token'] : '');
// The token is not the business of plugins.
$_GET = $_REQUEST = [];
$_SERVER['QUERY_STRING'] = '';
$_SERVER['REQUEST_URI'] = '/wp-login.php';

require $_SERVER['DOCUMENT_ROOT'] . '/wp-load.php';
$aegir_user = get_user_by('id', $aegir_login['user']);
if (!$aegir_user) {
    aegir_refuse(410, 'There is no such person any more', 'Ask Aegir for a new link.');
}
wp_set_current_user($aegir_user->ID);
wp_set_auth_cookie($aegir_user->ID, false, is_ssl());
do_action('wp_login', $aegir_user->user_login, $aegir_user);
wp_safe_redirect(admin_url());
