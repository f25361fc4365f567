<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="ja">
<context>
    <name>Errors</name>
    <message>
        <source>The system could not be told to start Paddock</source>
        <translation>システムに Paddock の自動起動を登録できませんでした</translation>
    </message>
    <message>
        <source>`paddock serve --install --print` shows what would be written and which commands follow.</source>
        <translation>`paddock serve --install --print` で、書き込まれる内容と続いて実行するコマンドを確認できます。</translation>
    </message>
</context>
</TS>
