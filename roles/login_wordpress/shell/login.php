<?php
// Makes the token of a login link, and a file named by its hash that says whom it signs in. settings/login.php takes it.

$database = aegir_installed($table_prefix);
// Without WordPress: a site whose plugins are broken can be signed in to as well, and it answers faster.
if ($aegir['user'] !== '') {
    $query = $database->prepare("SELECT ID FROM `{$table_prefix}users` WHERE user_login = ?");
    $query->execute([$aegir['user']]);
} else {
    $query = $database->prepare("SELECT user_id FROM `{$table_prefix}usermeta` WHERE meta_key = ? AND meta_value LIKE ? ORDER BY user_id LIMIT 1");
    $query->execute(["{$table_prefix}capabilities", '%"administrator";b:1%']);
}
$user = $query->get_result()->fetch_row()[0] ?? null;
if ($user === null) {
    aegir_stop($aegir['user'] === ''
        ? 'The site has no administrator. Name a user to sign in as.'
        : "The site has no user “{$aegir['user']}”.");
}
umask(0077);
if (!is_dir($aegir['folder']) && !mkdir($aegir['folder'])) {
    aegir_stop("The folder {$aegir['folder']} cannot be made. Is there room on the disk?");
}
foreach (glob("{$aegir['folder']}/*") as $former) {
    if (filemtime($former) < time() - 300) {
        unlink($former);
    }
}
$token = bin2hex(random_bytes(32));
$expires = time() + 300;
if (!file_put_contents("{$aegir['folder']}/" . hash('sha256', $token), json_encode(['user' => (int) $user, 'expires' => $expires]))) {
    aegir_stop("The folder {$aegir['folder']} cannot be written. Is there room on the disk?");
}
aegir_result(['token' => $token, 'expires' => gmdate('Y-m-d\TH:i:s\Z', $expires)]);
