<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="ja">
<context>
    <name>Errors</name>
    <message>
        <source>{model} is hidden</source>
        <translation>{model} は非表示になっています</translation>
    </message>
    <message>
        <source>It was taken out of the list; its file is untouched.</source>
        <translation>一覧から外されています。ファイルはそのまま残っています。</translation>
    </message>
    <message>
        <source>Show it again with `paddock models show {model}`.</source>
        <translation>`paddock models show {model}` で再び表示できます。</translation>
    </message>
    <message>
        <source>{path} is damaged</source>
        <translation>{path} は壊れています</translation>
    </message>
    <message>
        <source>Its bytes are not those that were published: a disk, a copy or a download went wrong.</source>
        <translation>公開されたものと内容が一致しません。ディスク、コピー、ダウンロードのどれかに問題がありました。</translation>
    </message>
    <message>
        <source>Remove it and get it again. The file was kept as it is.</source>
        <translation>削除してから取得し直してください。ファイルはそのまま残してあります。</translation>
    </message>
    <message>
        <source>{model} is in use</source>
        <translation>{model} は使用中です</translation>
    </message>
    <message>
        <source>Wait until that has ended or stop it, then try again.</source>
        <translation>終わるのを待つか止めてから、もう一度試してください。</translation>
    </message>
    <message>
        <source>{model} cannot be removed</source>
        <translation>{model} は削除できません</translation>
    </message>
    <message>
        <source>It comes with Paddock and is a part of it.</source>
        <translation>Paddock に同梱されている一部です。</translation>
    </message>
    <message>
        <source>Hide it with `paddock models hide {model}`.</source>
        <translation>`paddock models hide {model}` で非表示にできます。</translation>
    </message>
    <message>
        <source>{path} could not be deleted</source>
        <translation>{path} を削除できませんでした</translation>
    </message>
    <message>
        <source>Check the permissions of its folder, and whether its disk can be written to. What was deleted before is gone; the rest is untouched.</source>
        <translation>フォルダーの権限と、ディスクに書き込めるかを確認してください。先に削除したものは消えています。残りはそのままです。</translation>
    </message>
    <message>
        <source>“{alias}” cannot be an alias</source>
        <translation>「{alias}」は別名にできません</translation>
    </message>
    <message>
        <source>Choose another name.</source>
        <translation>別の名前を選んでください。</translation>
    </message>
    <message>
        <source>“{alias}” is taken</source>
        <translation>「{alias}」はすでに使われています</translation>
    </message>
    <message>
        <source>It is a name of {owner}.</source>
        <translation>{owner} の名前です。</translation>
    </message>
    <message>
        <source>Choose another name, or take it away from that model first.</source>
        <translation>別の名前を選ぶか、先にそのモデルから外してください。</translation>
    </message>
    <message>
        <source>The models folder cannot be changed here</source>
        <translation>モデルのフォルダーはここでは変更できません</translation>
    </message>
    <message>
        <source>The environment variable {variable} says where models lie: {folder}</source>
        <translation>環境変数 {variable} がモデルの場所を決めています: {folder}</translation>
    </message>
    <message>
        <source>Change or remove that variable, then start Paddock again.</source>
        <translation>その変数を変更するか取り除いてから、Paddock を起動し直してください。</translation>
    </message>
    <message>
        <source>{path} cannot be the models folder</source>
        <translation>{path} はモデルのフォルダーにできません</translation>
    </message>
    <message>
        <source>Choose another folder.</source>
        <translation>別のフォルダーを選んでください。</translation>
    </message>
    <message>
        <source>There is not enough room in {path}</source>
        <translation>{path} の空き容量が足りません</translation>
    </message>
    <message>
        <source>{need} are needed; {free} are free.</source>
        <translation>{need} 必要ですが、空きは {free} です。</translation>
    </message>
    <message>
        <source>Free some space there, or choose a folder on another disk.</source>
        <translation>そこの空きを増やすか、別のディスクのフォルダーを選んでください。</translation>
    </message>
    <message>
        <source>{path} could not be copied</source>
        <translation>{path} をコピーできませんでした</translation>
    </message>
    <message>
        <source>Check both disks, then try again. The models are where they were.</source>
        <translation>両方のディスクを確認してから、もう一度試してください。モデルは元の場所にあります。</translation>
    </message>
</context>
</TS>
