<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="ja">
<context>
    <name>Notices</name>
    <message>
        <source>It is loaded although: {why}</source>
        <translation>次の問題がありますが、読み込みます: {why}</translation>
    </message>
    <message>
        <source>The context is {tokens:,} tokens, which the model was trained for, instead of the {wanted:,} of the settings.</source>
        <translation>コンテキストは、設定の {wanted:,} トークンではなく、モデルが学習した {tokens:,} トークンです。</translation>
    </message>
    <message>
        <source>The context is {tokens:,} tokens instead of {wanted:,}: more does not fit in memory.</source>
        <translation>コンテキストは {wanted:,} トークンではなく {tokens:,} トークンです。それ以上はメモリに収まりません。</translation>
    </message>
    <message>
        <source>One request is answered at a time instead of four: more slots do not fit in memory.</source>
        <translation>同時に応答するリクエストは 4 件ではなく 1 件です。スロットを増やすとメモリに収まりません。</translation>
    </message>
    <message>
        <source>The engine ran out of memory. It now answers {slots} requests at a time.</source>
        <translation>エンジンのメモリが足りなくなりました。同時に応答するリクエストを {slots} 件にしました。</translation>
    </message>
    <message>
        <source>The engine ran out of memory. Its KV cache is now of type {kv_type}.</source>
        <translation>エンジンのメモリが足りなくなりました。KV キャッシュの型を {kv_type} にしました。</translation>
    </message>
    <message>
        <source>The engine ran out of memory. The context is now {tokens:,} tokens.</source>
        <translation>エンジンのメモリが足りなくなりました。コンテキストを {tokens:,} トークンにしました。</translation>
    </message>
    <message>
        <source>The engine ran out of memory. It now has {layers} layers on the GPU.</source>
        <translation>エンジンのメモリが足りなくなりました。GPU に置く層を {layers} 層にしました。</translation>
    </message>
    <message>
        <source>The settings could not be read ({reason}). Defaults are used; the old file is kept as {path}.</source>
        <translation>設定を読み取れませんでした（{reason}）。既定値を使います。元のファイルは {path} に残してあります。</translation>
    </message>
    <message>
        <source>{name} = {value} in {path} cannot be used ({reason}); its default is used.</source>
        <translation>{path} の {name} = {value} は使えません（{reason}）。既定値を使います。</translation>
    </message>
    <message>
        <source>Before its upgrade the database was copied to {path}.</source>
        <translation>更新の前に、データベースを {path} にコピーしました。</translation>
    </message>
    <message>
        <source>The database could not be read ({reason}). A new one was begun; the old file is kept as {path}.</source>
        <translation>データベースを読み取れませんでした（{reason}）。新しく作りました。元のファイルは {path} に残してあります。</translation>
    </message>
    <message>
        <source>The key “{name}” ends on {when}.</source>
        <translation>キー「{name}」の有効期限は {when} です。</translation>
    </message>
    <message>
        <source>The key “{name}” ended on {when}; requests with it are refused.</source>
        <translation>キー「{name}」は {when} に期限切れになりました。このキーを使うリクエストは拒否されます。</translation>
    </message>
    <message>
        <source>For that: {why}</source>
        <translation>その場合は {why}</translation>
    </message>
</context>
</TS>
