<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="ja">
<context>
    <name>SettingsDialog</name>
    <message>
        <source>Of the window; models answer in the language they are asked in.</source>
        <translation>ウィンドウの表示言語です。モデルは質問された言語で答えます。</translation>
    </message>
    <message>
        <source>High contrast is light or dark, as the system is.</source>
        <translation>ハイコントラストの明暗はシステムに合わせます。</translation>
    </message>
    <message>
        <source>Counts from the next time the server is turned on.</source>
        <translation>次にサーバーをオンにしたときから使われます。</translation>
    </message>
</context>
<context>
    <name>Message</name>
    <message>
        <source>{title}. {text}</source>
        <translation>{title}。{text}</translation>
    </message>
</context>
</TS>
