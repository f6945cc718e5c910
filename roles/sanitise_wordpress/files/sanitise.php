<?php
// Takes away by what people of the site could be reached or could sign in. WordPress is not loaded: no plugin hears of it.

$database = aegir_installed($table_prefix);
$changed = 0;
$run = static function (string $query) use ($database, &$changed): void {
    $database->query($query);
    $changed += $database->affected_rows;
};
// No password has such a hash. Links and Aegir's own way to sign in go on.
$run("UPDATE `{$table_prefix}users` SET user_email = CONCAT('user', ID, '@localhost.invalid'), user_pass = '!', user_activation_key = '', user_url = ''");
$run("DELETE FROM `{$table_prefix}usermeta` WHERE meta_key IN ('session_tokens', '_application_passwords', 'community-events-location')");
$run("UPDATE `{$table_prefix}comments` SET comment_author_email = IF(comment_author_email = '', '', CONCAT('comment', comment_ID, '@localhost.invalid')), "
    . "comment_author_IP = '', comment_author_url = '', comment_agent = '', comment_author = IF(user_id = 0, CONCAT('Visitor ', comment_ID), comment_author)");
$run("UPDATE `{$table_prefix}options` SET option_value = 'admin@localhost.invalid' WHERE option_name IN ('admin_email', 'new_admin_email')");
echo "Changed: $changed rows.\n";
aegir_result(['rows' => $changed]);
