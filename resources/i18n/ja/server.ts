<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="ja">
<context>
    <name>ConnectCard</name>
    <message>
        <source>Connect</source>
        <translation>接続</translation>
    </message>
    <message>
        <source>Base URL</source>
        <translation>ベース URL</translation>
    </message>
    <message>
        <source>API key</source>
        <translation>API キー</translation>
    </message>
    <message>
        <source>Model</source>
        <translation>モデル</translation>
    </message>
    <message>
        <source>Copy the base URL</source>
        <translation>ベース URL をコピー</translation>
    </message>
    <message>
        <source>Copy</source>
        <translation>コピー</translation>
    </message>
    <message>
        <source>Copy the model's name</source>
        <translation>モデル名をコピー</translation>
    </message>
    <message>
        <source>one of your keys</source>
        <translation>作成済みのキー</translation>
    </message>
    <message>
        <source>No key is asked for. Where a program insists on one, any text will do.</source>
        <translation>キーは不要です。入力が必須のプログラムには、任意の文字列を入れてください。</translation>
    </message>
    <message>
        <source>A key is shown only when it is made. Lost it? Make another one under Keys.</source>
        <translation>キーは作成したときにだけ表示されます。なくした場合は「キー」で作り直してください。</translation>
    </message>
</context>
<context>
    <name>ReachCard</name>
    <message>
        <source>Who can reach it</source>
        <translation>アクセスできる範囲</translation>
    </message>
    <message>
        <source>This machine only</source>
        <translation>このマシンのみ</translation>
    </message>
    <message>
        <source>My network</source>
        <translation>ネットワーク</translation>
    </message>
    <message>
        <source>Copy the address</source>
        <translation>アドレスをコピー</translation>
    </message>
    <message>
        <source>Every machine in your network can reach the server, and needs a key. What is sent is not encrypted: do not open it in networks you do not trust.</source>
        <translation>ネットワーク内のすべてのマシンからアクセスでき、キーが必要になります。通信は暗号化されないため、信頼できないネットワークでは公開しないでください。</translation>
    </message>
    <message>
        <source>Only programs on this machine can reach the server.</source>
        <translation>このマシンのプログラムだけがアクセスできます。</translation>
    </message>
</context>
<context>
    <name>SnippetsCard</name>
    <message>
        <source>First request</source>
        <translation>最初のリクエスト</translation>
    </message>
    <message>
        <source>Language</source>
        <translation>言語</translation>
    </message>
    <message>
        <source>Needs the package openai: pip install openai</source>
        <translation>openai パッケージが必要です：pip install openai</translation>
    </message>
    <message>
        <source>Put your key into the variable PADDOCK_API_KEY first.</source>
        <translation>先にキーを変数 PADDOCK_API_KEY に入れてください。</translation>
    </message>
</context>
<context>
    <name>KeyRow</name>
    <message>
        <source>Revoke</source>
        <translation>無効にする</translation>
    </message>
    <message>
        <source>Keep</source>
        <translation>残す</translation>
    </message>
    <message>
        <source>Revoke {name}</source>
        <translation>{name} を無効にする</translation>
    </message>
    <message>
        <source>Revoke “{name}”? Programs that use it are refused from now on.</source>
        <translation>「{name}」を無効にしますか。このキーを使うプログラムは以後拒否されます。</translation>
    </message>
</context>
<context>
    <name>KeysCard</name>
    <message>
        <source>Keys</source>
        <translation>キー</translation>
    </message>
    <message>
        <source>Name of the new key</source>
        <translation>新しいキーの名前</translation>
    </message>
    <message>
        <source>Create key</source>
        <translation>キーを作成</translation>
    </message>
    <message>
        <source>I have it</source>
        <translation>控えました</translation>
    </message>
    <message>
        <source>Reading the keys …</source>
        <translation>キーを読み込んでいます…</translation>
    </message>
    <message>
        <source>The key “{name}”. Copy it now: it is not shown again.</source>
        <translation>キー「{name}」：コピーできるのは今だけです。</translation>
    </message>
    <message>
        <source>None yet. Other machines need one; on this machine it works without.</source>
        <translation>まだありません。ほかのマシンからの利用には必要です。このマシンからは不要です。</translation>
    </message>
    <message>
        <source>One for each program, so that each can be revoked alone.</source>
        <translation>プログラムごとに分けておくと、個別に無効にできます。</translation>
    </message>
    <message>
        <source>What is it for? “editor”</source>
        <translation>用途（例: エディター）</translation>
    </message>
</context>
<context>
    <name>PortRow</name>
    <message>
        <source>Use another port</source>
        <translation>別のポートを使う</translation>
    </message>
    <message>
        <source>Port</source>
        <translation>ポート</translation>
    </message>
    <message>
        <source>Turn on with this port</source>
        <translation>このポートでオンにする</translation>
    </message>
</context>
<context>
    <name>StatusLine</name>
    <message>
        <source>Copy the address</source>
        <translation>アドレスをコピー</translation>
    </message>
    <message>
        <source>Off. Turn it on to use your models from other programs.</source>
        <translation>オフです。オンにすると、ほかのプログラムからモデルを使えます。</translation>
    </message>
    <message>
        <source>It could not be turned on.</source>
        <translation>オンにできませんでした。</translation>
    </message>
    <message>
        <source>Opening the address …</source>
        <translation>アドレスを開いています…</translation>
    </message>
    <message>
        <source>Closing the address …</source>
        <translation>アドレスを閉じています…</translation>
    </message>
    <message>
        <source>Waiting for Paddock's service.</source>
        <translation>Paddock のサービスを待っています。</translation>
    </message>
    <message>
        <source>Programs in your network reach your models by the APIs of OpenAI, Anthropic and Ollama.</source>
        <translation>ネットワーク内のプログラムから、OpenAI・Anthropic・Ollama の API でモデルを使えます。</translation>
    </message>
    <message>
        <source>Programs on this machine reach your models by the APIs of OpenAI, Anthropic and Ollama.</source>
        <translation>このマシンのプログラムから、OpenAI・Anthropic・Ollama の API でモデルを使えます。</translation>
    </message>
</context>
<context>
    <name>ServerPage</name>
    <message>
        <source>Server</source>
        <translation>サーバー</translation>
    </message>
    <message>
        <source>Time</source>
        <translation>時刻</translation>
    </message>
    <message>
        <source>Model</source>
        <translation>モデル</translation>
    </message>
    <message>
        <source>Route</source>
        <translation>経路</translation>
    </message>
    <message>
        <source>In</source>
        <translation>入力</translation>
    </message>
    <message>
        <source>Out</source>
        <translation>出力</translation>
    </message>
    <message>
        <source>tok/s</source>
        <translation>tok/s</translation>
    </message>
    <message>
        <source>Total</source>
        <translation>合計</translation>
    </message>
    <message>
        <source>Status</source>
        <translation>結果</translation>
    </message>
    <message>
        <source>done</source>
        <translation>完了</translation>
    </message>
    <message>
        <source>stream</source>
        <translation>逐次</translation>
    </message>
    <message>
        <source>failed</source>
        <translation>失敗</translation>
    </message>
    <message>
        <source>On</source>
        <translation>オン</translation>
    </message>
    <message>
        <source>Off</source>
        <translation>オフ</translation>
    </message>
    <message>
        <source>Starting …</source>
        <translation>起動中…</translation>
    </message>
    <message>
        <source>Stopping …</source>
        <translation>停止中…</translation>
    </message>
    <message>
        <source>With a key, only who has it can use your models. Nothing is open until then.</source>
        <translation>キーがあれば、それを持つ人だけがモデルを使えます。作成するまでは何も公開されません。</translation>
    </message>
    <message>
        <source>Create a key and open</source>
        <translation>キーを作成して公開</translation>
    </message>
    <message>
        <source>Nothing has been asked yet. Each request appears here with its figures.</source>
        <translation>まだリクエストはありません。届いたリクエストの所要時間やトークン数がここに並びます。</translation>
    </message>
    <message>
        <source>The newest on top; figures only, never what was asked or answered.</source>
        <translation>新しい順。数値だけを記録し、質問や回答の内容は記録しません。</translation>
    </message>
    <message>
        <source>{program} (process {pid}) is using it.</source>
        <translation>{program}（プロセス {pid}）が使用しています。</translation>
    </message>
    <message>
        <source>Another program is using it.</source>
        <translation>ほかのプログラムが使用しています。</translation>
    </message>
    <message>
        <source>Server: {state}</source>
        <translation>サーバー：{state}</translation>
    </message>
</context>
<context>
    <name>KeyField</name>
    <message>
        <source>Copy the key</source>
        <translation>キーをコピー</translation>
    </message>
    <message>
        <source>Key</source>
        <translation>キー</translation>
    </message>
    <message>
        <source>Hide the key</source>
        <translation>キーを隠す</translation>
    </message>
    <message>
        <source>Show the key</source>
        <translation>キーを表示</translation>
    </message>
</context>
</TS>
