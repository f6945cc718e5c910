<?php
// Takes a message like sendmail -t -i. There is no mail server in a container, so what is to be sent is refused: sites send by SMTP.
// MAIL=keep puts it on the volume, below private/mail, as is done where nothing is said of a site that is not in production
// (SITE_KIND); MAIL=discard throws it away.

$message = stream_get_contents(STDIN);
$how = getenv('MAIL') ?: (in_array(getenv('SITE_KIND'), [false, 'production'], true) ? 'send' : 'keep');
if ($how === 'discard') {
    exit(0);
}
if ($how !== 'keep') {
    fwrite(STDERR, "There is no mail server in this container: have the site send by SMTP.\n");
    exit(78);
}
umask(0077);
$folder = (getenv('AEGIR_PRIVATE') ?: '/srv/site/private') . '/mail';
@mkdir($folder, recursive: true);
$name = $folder . '/' . gmdate('Y-m-d\THis\Z') . '-' . bin2hex(random_bytes(4));
if (@file_put_contents("$name.new", $message) !== strlen($message) || !rename("$name.new", "$name.eml")) {
    fwrite(STDERR, "The message cannot be kept in $folder.\n");
    exit(74);
}
