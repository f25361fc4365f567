<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="ja">
<context>
    <name>Errors</name>
    <message>
        <source>{app}'s model {model} cannot be used</source>
        <translation>{app} のモデル {model} は使えません</translation>
    </message>
    <message>
        <source>Get it again in {app}. Paddock changes nothing there.</source>
        <translation>{app} でもう一度取得してください。Paddock はそこでは何も変更しません。</translation>
    </message>
    <message>
        <source>No models of {app} were found</source>
        <translation>{app} のモデルは見つかりませんでした</translation>
    </message>
    <message>
        <source>If they lie somewhere else, name their folder: `paddock adopt PATH`.</source>
        <translation>別の場所にある場合は、フォルダーを指定してください: `paddock adopt PATH`</translation>
    </message>
    <message>
        <source>{path} was not replaced by a link</source>
        <translation>{path} はリンクに置き換えられませんでした</translation>
    </message>
    <message>
        <source>The file is as it was. Nothing else is affected.</source>
        <translation>ファイルは元のままです。ほかには影響しません。</translation>
    </message>
    <message>
        <source>The Modelfile cannot be read</source>
        <translation>Modelfile を読み取れません</translation>
    </message>
    <message>
        <source>Line {line}: {reason}</source>
        <translation>{line} 行目: {reason}</translation>
    </message>
    <message>
        <source>Correct that line and try again.</source>
        <translation>その行を直して、もう一度お試しください。</translation>
    </message>
    <message>
        <source>The Modelfile cannot be used</source>
        <translation>Modelfile を使えません</translation>
    </message>
    <message>
        <source>Change it and try again. Nothing was stored.</source>
        <translation>内容を変えて、もう一度お試しください。何も保存されていません。</translation>
    </message>
    <message>
        <source>There is a model called “{name}” already</source>
        <translation>「{name}」という名前のモデルはすでにあります</translation>
    </message>
    <message>
        <source>It is {owner}.</source>
        <translation>{owner} のことです。</translation>
    </message>
    <message>
        <source>Choose another name with --name.</source>
        <translation>--name で別の名前を選んでください。</translation>
    </message>
</context>
</TS>
