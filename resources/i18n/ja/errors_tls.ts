<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="ja">
<context>
    <name>Errors</name>
    <message>
        <source>The server has no certificate</source>
        <translation>サーバーの証明書がありません</translation>
    </message>
    <message>
        <source>It is set to use your own one, but no file is named.</source>
        <translation>独自の証明書を使う設定ですが、ファイルが指定されていません。</translation>
    </message>
    <message>
        <source>Name the files with --tls-certificate and --tls-key, or use --tls self.</source>
        <translation>--tls-certificate と --tls-key でファイルを指定するか、--tls self を使ってください。</translation>
    </message>
    <message>
        <source>The certificate's file {path} cannot be used</source>
        <translation>証明書のファイル {path} を使えません</translation>
    </message>
    <message>
        <source>Check that the file is there and that your user may read it.</source>
        <translation>ファイルがあり、このユーザーで読み取れることを確認してください。</translation>
    </message>
    <message>
        <source>{path} is not a certificate that can be used</source>
        <translation>{path} は使用できる証明書ではありません</translation>
    </message>
    <message>
        <source>It must be in PEM format, the server's own certificate first, with a key of today's strength.</source>
        <translation>PEM 形式で、サーバー自身の証明書が先頭にあり、十分な強度の鍵を使ったものが必要です。</translation>
    </message>
    <message>
        <source>Choose another file.</source>
        <translation>別のファイルを選んでください。</translation>
    </message>
    <message>
        <source>{path} does not hold a key that can be used</source>
        <translation>{path} に使用できる鍵がありません</translation>
    </message>
    <message>
        <source>A private key in PEM format is needed.</source>
        <translation>PEM 形式の秘密鍵が必要です。</translation>
    </message>
    <message>
        <source>Name the key's file with --tls-key.</source>
        <translation>--tls-key で鍵のファイルを指定してください。</translation>
    </message>
    <message>
        <source>The key in {path} is protected by a password</source>
        <translation>{path} の鍵はパスワードで保護されています</translation>
    </message>
    <message>
        <source>The server starts by itself and cannot ask for it.</source>
        <translation>サーバーは自動で起動するため、パスワードをたずねることができません。</translation>
    </message>
    <message>
        <source>Store the key without a password, readable for your user only.</source>
        <translation>鍵をパスワードなしで、自分だけが読めるように保存してください。</translation>
    </message>
    <message>
        <source>Certificate and key do not belong together</source>
        <translation>証明書と鍵の組み合わせが違います</translation>
    </message>
    <message>
        <source>{key} is not the key of {certificate}.</source>
        <translation>{key} は {certificate} の鍵ではありません。</translation>
    </message>
    <message>
        <source>Choose the two files that were made together.</source>
        <translation>一緒に作られた 2 つのファイルを選んでください。</translation>
    </message>
    <message>
        <source>The certificate in {path} has ended</source>
        <translation>{path} の証明書は期限切れです</translation>
    </message>
    <message>
        <source>It was valid until {when}.</source>
        <translation>有効期限は {when} まででした。</translation>
    </message>
    <message>
        <source>Renew it; or use --tls self for one that is made here.</source>
        <translation>更新するか、--tls self を使ってこのマシンで作った証明書にしてください。</translation>
    </message>
    <message>
        <source>The certificate in {path} is not valid yet</source>
        <translation>{path} の証明書はまだ有効ではありません</translation>
    </message>
    <message>
        <source>It is valid from {when} on.</source>
        <translation>{when} から有効です。</translation>
    </message>
    <message>
        <source>Check the clock of this machine.</source>
        <translation>このマシンの時計を確認してください。</translation>
    </message>
</context>
</TS>
