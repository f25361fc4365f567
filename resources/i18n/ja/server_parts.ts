<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="ja">
<context>
    <name>KeepCard</name>
    <message>
        <source>Keep loaded</source>
        <translation>読み込んだまま保持</translation>
    </message>
    <message>
        <source>Models are loaded when they are asked for. What you load yourself stays until another one needs its room; one that is kept stays in any case (Library, menu of a model).</source>
        <translation>モデルは要求されたときに読み込まれます。自分で読み込んだモデルは、ほかのモデルが場所を必要とするまで残ります。「保持」したモデルは必ず残ります（ライブラリのモデルのメニュー）。</translation>
    </message>
    <message>
        <source>Unload what was not used for</source>
        <translation>使われないモデルを解放するまで</translation>
    </message>
    <message>
        <source>min</source>
        <translation>分</translation>
    </message>
    <message>
        <source>Minutes without use</source>
        <translation>使われない分数</translation>
    </message>
    <message>
        <source>Add</source>
        <translation>追加</translation>
    </message>
    <message>
        <source>Model to load with the server</source>
        <translation>サーバーと一緒に読み込むモデル</translation>
    </message>
    <message>
        <source>Loaded when the server is turned on:</source>
        <translation>サーバーをオンにすると読み込まれるモデル:</translation>
    </message>
    <message>
        <source>No model is loaded when the server is turned on.</source>
        <translation>サーバーをオンにしても、モデルは読み込まれません。</translation>
    </message>
    <message>
        <source>Do not load {model}</source>
        <translation>{model} を読み込まない</translation>
    </message>
</context>
<context>
    <name>KeyWords</name>
    <message>
        <source>models: {names}</source>
        <translation>モデル: {names}</translation>
    </message>
    <message>
        <source>routes: {names}</source>
        <translation>経路: {names}</translation>
    </message>
    <message>
        <source>{count} requests a minute</source>
        <translation>1 分に {count} 件</translation>
    </message>
    <message>
        <source>{count} tokens a minute</source>
        <translation>1 分に {count} トークン</translation>
    </message>
    <message>
        <source>{count} tokens a day</source>
        <translation>1 日に {count} トークン</translation>
    </message>
    <message>
        <source>{count} at the same time</source>
        <translation>同時に {count} 件</translation>
    </message>
    <message>
        <source>a day</source>
        <translation>1 日</translation>
    </message>
    <message>
        <source>a month</source>
        <translation>1 か月</translation>
    </message>
    <message>
        <source>in all</source>
        <translation>合計</translation>
    </message>
    <message>
        <source>tokens</source>
        <translation>トークン</translation>
    </message>
    <message>
        <source>budget {amount} {unit} {period}</source>
        <translation>予算 {period} {amount} {unit}</translation>
    </message>
    <message>
        <source>private cache</source>
        <translation>キャッシュを共有しない</translation>
    </message>
    <message>
        <source>repeats from the table</source>
        <translation>同じ要求には保存した答え</translation>
    </message>
    <message>
        <source>drops the oldest turns</source>
        <translation>古い発言から省く</translation>
    </message>
    <message>
        <source>ended on {day}</source>
        <translation>{day} に期限切れ</translation>
    </message>
    <message>
        <source>until {day}</source>
        <translation>{day} まで</translation>
    </message>
    <message>
        <source>never used</source>
        <translation>未使用</translation>
    </message>
    <message>
        <source>{count} tokens today</source>
        <translation>今日 {count} トークン</translation>
    </message>
    <message>
        <source>{count} in progress</source>
        <translation>処理中 {count} 件</translation>
    </message>
    <message>
        <source>last used {day}</source>
        <translation>最終使用 {day}</translation>
    </message>
</context>
<context>
    <name>KeyForm</name>
    <message>
        <source>Models (ids, or patterns such as qwen3-*; empty: all)</source>
        <translation>モデル（id、または qwen3-* のような形。空欄: すべて）</translation>
    </message>
    <message>
        <source>Requests a minute</source>
        <translation>1 分あたりのリクエスト</translation>
    </message>
    <message>
        <source>Tokens a minute</source>
        <translation>1 分あたりのトークン</translation>
    </message>
    <message>
        <source>Tokens a day</source>
        <translation>1 日あたりのトークン</translation>
    </message>
    <message>
        <source>Requests at the same time</source>
        <translation>同時リクエスト数</translation>
    </message>
    <message>
        <source>Budget</source>
        <translation>予算</translation>
    </message>
    <message>
        <source>Expiry</source>
        <translation>有効期限</translation>
    </message>
    <message>
        <source>Routes (none chosen: all but “manage”)</source>
        <translation>経路（選ばなければ manage 以外すべて）</translation>
    </message>
    <message>
        <source>Models</source>
        <translation>モデル</translation>
    </message>
    <message>
        <source>all</source>
        <translation>すべて</translation>
    </message>
    <message>
        <source>no limit</source>
        <translation>制限なし</translation>
    </message>
    <message>
        <source>none</source>
        <translation>なし</translation>
    </message>
    <message>
        <source>Unit of the budget</source>
        <translation>予算の単位</translation>
    </message>
    <message>
        <source>of cost</source>
        <translation>費用</translation>
    </message>
    <message>
        <source>tokens</source>
        <translation>トークン</translation>
    </message>
    <message>
        <source>Time of the budget</source>
        <translation>予算の期間</translation>
    </message>
    <message>
        <source>a day</source>
        <translation>1 日</translation>
    </message>
    <message>
        <source>a month</source>
        <translation>1 か月</translation>
    </message>
    <message>
        <source>in all</source>
        <translation>合計</translation>
    </message>
    <message>
        <source>Ends on</source>
        <translation>期限を設ける</translation>
    </message>
    <message>
        <source>Last day</source>
        <translation>最終日</translation>
    </message>
    <message>
        <source>Refuse when the budget is used up</source>
        <translation>予算を使い切ったら拒否する</translation>
    </message>
    <message>
        <source>Share no prompt cache</source>
        <translation>プロンプトキャッシュを共有しない</translation>
    </message>
    <message>
        <source>Answer exact repeats from a table</source>
        <translation>まったく同じ要求には保存した答えを返す</translation>
    </message>
    <message>
        <source>Drop the oldest turns when the context is full</source>
        <translation>コンテキストがあふれたら古い発言から省く</translation>
    </message>
    <message>
        <source>“{text}” is no number above 0.</source>
        <translation>「{text}」は 0 より大きい数ではありません。</translation>
    </message>
</context>
<context>
    <name>KeyRow</name>
    <message>
        <source>Change</source>
        <translation>変更</translation>
    </message>
    <message>
        <source>Change {name}</source>
        <translation>{name} を変更</translation>
    </message>
    <message>
        <source>Save</source>
        <translation>保存</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>キャンセル</translation>
    </message>
    <message>
        <source>no limits</source>
        <translation>制限なし</translation>
    </message>
    <message>
        <source>made {day}</source>
        <translation>{day} 作成</translation>
    </message>
</context>
<context>
    <name>KeysCard</name>
    <message>
        <source>Limits</source>
        <translation>制限</translation>
    </message>
</context>
<context>
    <name>PricesCard</name>
    <message>
        <source>Prices</source>
        <translation>料金</translation>
    </message>
    <message>
        <source>They count for requests from now on. Prices of hosted models that yours replace stand under [prices.hosted] in settings.toml.</source>
        <translation>これからのリクエストに適用されます。置き換えるホスト型モデルの料金は settings.toml の [prices.hosted] に書きます。</translation>
    </message>
    <message>
        <source>Currency</source>
        <translation>通貨</translation>
    </message>
    <message>
        <source>A kilowatt-hour</source>
        <translation>電気代（1 kWh）</translation>
    </message>
    <message>
        <source>Watts while answering</source>
        <translation>回答中の消費電力 (W)</translation>
    </message>
    <message>
        <source>Watts while waiting</source>
        <translation>待機中の消費電力 (W)</translation>
    </message>
    <message>
        <source>An hour of the machine at work</source>
        <translation>マシンの稼働 1 時間</translation>
    </message>
    <message>
        <source>Counts as cost</source>
        <translation>費用として数えるもの</translation>
    </message>
    <message>
        <source>this machine</source>
        <translation>このマシン</translation>
    </message>
    <message>
        <source>the hosted model</source>
        <translation>ホスト型モデル</translation>
    </message>
    <message>
        <source>Save</source>
        <translation>保存</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>キャンセル</translation>
    </message>
    <message>
        <source>“{text}” is no price. Use numbers such as 0.31.</source>
        <translation>「{text}」は料金ではありません。0.31 のような数を入れてください。</translation>
    </message>
    <message>
        <source>A currency is one word, such as EUR.</source>
        <translation>通貨は JPY のような 1 語で入れてください。</translation>
    </message>
</context>
<context>
    <name>RequestDetail</name>
    <message>
        <source>Close details</source>
        <translation>詳細を閉じる</translation>
    </message>
    <message>
        <source>Copy as curl</source>
        <translation>curl としてコピー</translation>
    </message>
    <message>
        <source>Address, route and model, with the key from $PADDOCK_API_KEY</source>
        <translation>アドレス、経路、モデル。キーは $PADDOCK_API_KEY から</translation>
    </message>
    <message>
        <source>Asked</source>
        <translation>要求</translation>
    </message>
    <message>
        <source>Answered</source>
        <translation>回答</translation>
    </message>
    <message>
        <source>The client left before the end</source>
        <translation>クライアントが途中で切断しました</translation>
    </message>
    <message>
        <source>It closed the connection; what it had received until then counts.</source>
        <translation>接続が閉じられました。それまでに受け取った分が数えられます。</translation>
    </message>
    <message>
        <source>The key was missing or not valid</source>
        <translation>キーがないか、無効でした</translation>
    </message>
    <message>
        <source>The key may not do this</source>
        <translation>このキーでは許可されていません</translation>
    </message>
    <message>
        <source>There is no such route</source>
        <translation>そのような経路はありません</translation>
    </message>
    <message>
        <source>It was called by a name that is not allowed</source>
        <translation>許可されていないサーバー名で呼び出されました</translation>
    </message>
    <message>
        <source>This web page may not call the server</source>
        <translation>このウェブページからは呼び出せません</translation>
    </message>
    <message>
        <source>There is no such model</source>
        <translation>そのモデルはありません</translation>
    </message>
    <message>
        <source>The request was too large</source>
        <translation>リクエストが大きすぎました</translation>
    </message>
    <message>
        <source>A limit was reached, or too many were waiting</source>
        <translation>上限に達したか、待ちが多すぎました</translation>
    </message>
    <message>
        <source>The model could not be loaded</source>
        <translation>モデルを読み込めませんでした</translation>
    </message>
    <message>
        <source>The request was not valid</source>
        <translation>リクエストが正しくありませんでした</translation>
    </message>
    <message>
        <source>The answer failed</source>
        <translation>回答に失敗しました</translation>
    </message>
    <message>
        <source>({count} from the cache)</source>
        <translation>（うちキャッシュ {count}）</translation>
    </message>
    <message>
        <source>yes</source>
        <translation>はい</translation>
    </message>
    <message>
        <source>Route</source>
        <translation>経路</translation>
    </message>
    <message>
        <source>Key</source>
        <translation>キー</translation>
    </message>
    <message>
        <source>Tokens in</source>
        <translation>入力トークン</translation>
    </message>
    <message>
        <source>Tokens out</source>
        <translation>出力トークン</translation>
    </message>
    <message>
        <source>First token</source>
        <translation>最初のトークン</translation>
    </message>
    <message>
        <source>Between tokens</source>
        <translation>トークン間隔</translation>
    </message>
    <message>
        <source>Speed</source>
        <translation>速度</translation>
    </message>
    <message>
        <source>In all</source>
        <translation>全体</translation>
    </message>
    <message>
        <source>Ended by</source>
        <translation>終了理由</translation>
    </message>
    <message>
        <source>Streamed</source>
        <translation>ストリーム</translation>
    </message>
    <message>
        <source>Repeated answer</source>
        <translation>保存した答え</translation>
    </message>
    <message>
        <source>Cost</source>
        <translation>費用</translation>
    </message>
    <message>
        <source>Engine</source>
        <translation>エンジン</translation>
    </message>
    <message>
        <source>Id</source>
        <translation>ID</translation>
    </message>
    <message>
        <source>Client's id</source>
        <translation>クライアントの ID</translation>
    </message>
</context>
<context>
    <name>RequestsPane</name>
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
        <source>Key</source>
        <translation>キー</translation>
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
        <translation>全体</translation>
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
        <source>client left</source>
        <translation>切断</translation>
    </message>
    <message>
        <source>failed</source>
        <translation>失敗</translation>
    </message>
    <message>
        <source>repeat</source>
        <translation>保存した答え</translation>
    </message>
    <message>
        <source>Requests</source>
        <translation>リクエスト</translation>
    </message>
    <message>
        <source>Find by id, route, error …</source>
        <translation>ID・経路・エラーで検索…</translation>
    </message>
    <message>
        <source>Find requests</source>
        <translation>リクエストを検索</translation>
    </message>
    <message>
        <source>All</source>
        <translation>すべて</translation>
    </message>
    <message>
        <source>Done</source>
        <translation>完了</translation>
    </message>
    <message>
        <source>Failed</source>
        <translation>失敗</translation>
    </message>
    <message>
        <source>All models</source>
        <translation>すべてのモデル</translation>
    </message>
    <message>
        <source>All keys</source>
        <translation>すべてのキー</translation>
    </message>
    <message>
        <source>Without a key</source>
        <translation>キーなし</translation>
    </message>
    <message>
        <source>Try again</source>
        <translation>もう一度</translation>
    </message>
    <message>
        <source>1 new request</source>
        <translation>新しいリクエスト 1 件</translation>
    </message>
    <message>
        <source>{count} new requests</source>
        <translation>新しいリクエスト {count} 件</translation>
    </message>
    <message>
        <source>Waiting for Paddock's service.</source>
        <translation>Paddock のサービスを待っています。</translation>
    </message>
    <message>
        <source>The newest on top; figures only, never what was asked or answered.</source>
        <translation>新しい順。数値だけで、質問や回答の内容は含みません。</translation>
    </message>
    <message>
        <source>Reading the requests …</source>
        <translation>リクエストを読み込んでいます…</translation>
    </message>
    <message>
        <source>No request is like that.</source>
        <translation>条件に合うリクエストはありません。</translation>
    </message>
    <message>
        <source>Nothing has been asked yet. Each request appears here with its figures.</source>
        <translation>まだリクエストはありません。リクエストごとに数値がここに並びます。</translation>
    </message>
    <message>
        <source>The request was copied as a curl line.</source>
        <translation>リクエストを curl としてコピーしました。</translation>
    </message>
</context>
<context>
    <name>ThroughputCard</name>
    <message>
        <source>Throughput</source>
        <translation>スループット</translation>
    </message>
    <message>
        <source>15 minutes</source>
        <translation>15 分</translation>
    </message>
    <message>
        <source>1 hour</source>
        <translation>1 時間</translation>
    </message>
    <message>
        <source>24 hours</source>
        <translation>24 時間</translation>
    </message>
    <message>
        <source>Time shown</source>
        <translation>表示する時間</translation>
    </message>
    <message>
        <source>As a chart</source>
        <translation>グラフで表示</translation>
    </message>
    <message>
        <source>As a table</source>
        <translation>表で表示</translation>
    </message>
    <message>
        <source>Tokens per second</source>
        <translation>1 秒あたりのトークン</translation>
    </message>
    <message>
        <source>Requests per minute</source>
        <translation>1 分あたりのリクエスト</translation>
    </message>
    <message>
        <source>per minute</source>
        <translation>件/分</translation>
    </message>
    <message>
        <source>At most {value}</source>
        <translation>最大 {value}</translation>
    </message>
    <message>
        <source>From</source>
        <translation>開始</translation>
    </message>
    <message>
        <source>Requests</source>
        <translation>リクエスト</translation>
    </message>
    <message>
        <source>Failed</source>
        <translation>失敗</translation>
    </message>
</context>
<context>
    <name>Timeline</name>
    <message>
        <source>Waiting</source>
        <translation>待ち</translation>
    </message>
    <message>
        <source>Reading the prompt</source>
        <translation>プロンプトの読み取り</translation>
    </message>
    <message>
        <source>Answering</source>
        <translation>回答</translation>
    </message>
</context>
<context>
    <name>ToolsPane</name>
    <message>
        <source>Connect your tools</source>
        <translation>ツールをつなぐ</translation>
    </message>
    <message>
        <source>Settings to paste, with this server's address and the model you choose.</source>
        <translation>このサーバーのアドレスと選んだモデルが入った、貼り付けるだけの設定です。</translation>
    </message>
    <message>
        <source>Model</source>
        <translation>モデル</translation>
    </message>
    <message>
        <source>Program</source>
        <translation>プログラム</translation>
    </message>
    <message>
        <source>Open the keys</source>
        <translation>キーを開く</translation>
    </message>
    <message>
        <source>The server is off</source>
        <translation>サーバーはオフです</translation>
    </message>
    <message>
        <source>Programs reach it only while it is on.</source>
        <translation>オンの間だけ、ほかのプログラムから使えます。</translation>
    </message>
    <message>
        <source>Turn it on</source>
        <translation>オンにする</translation>
    </message>
    <message>
        <source>In a terminal, before you start it. The model should have a context of 32,768 tokens or more, and be able to call tools.</source>
        <translation>起動する前に端末で実行します。コンテキストが 32,768 トークン以上で、ツールを呼び出せるモデルを選んでください。</translation>
    </message>
    <message>
        <source>Into its settings file; it shows the model after a reload.</source>
        <translation>設定ファイルに書きます。再読み込みするとモデルが現れます。</translation>
    </message>
    <message>
        <source>When you start it; or in its settings under Connections, as an OpenAI API.</source>
        <translation>起動するときに指定します。または設定の「接続」で OpenAI API として加えます。</translation>
    </message>
    <message>
        <source>Needs the package langchain-openai.</source>
        <translation>パッケージ langchain-openai が必要です。</translation>
    </message>
    <message>
        <source>In a terminal.</source>
        <translation>端末で実行します。</translation>
    </message>
    <message>
        <source>Needs the package openai: pip install openai</source>
        <translation>パッケージ openai が必要です: pip install openai</translation>
    </message>
    <message>
        <source>It needs a key: put one of yours in the place of YOUR-KEY.</source>
        <translation>キーが必要です。YOUR-KEY を自分のキーに置き換えてください。</translation>
    </message>
    <message>
        <source>It needs a key, in the variable PADDOCK_API_KEY.</source>
        <translation>キーが必要です。変数 PADDOCK_API_KEY に入れてください。</translation>
    </message>
    <message>
        <source>No key is asked for; where a program wants one, any text will do.</source>
        <translation>キーは不要です。入力が必要なプログラムでは、何を入れてもかまいません。</translation>
    </message>
    <message>
        <source>Terminal</source>
        <translation>端末</translation>
    </message>
    <message>
        <source>Terminal, with Docker</source>
        <translation>端末（Docker）</translation>
    </message>
    <message>
        <source>Some of them know only Ollama's own port</source>
        <translation>Ollama のポートしか使えないプログラムもあります</translation>
    </message>
    <message>
        <source>For these Paddock can listen at port 11434, too.</source>
        <translation>そのために Paddock はポート 11434 でも待ち受けられます。</translation>
    </message>
    <message>
        <source>For programs made for Ollama: where they take an address, give them this one.</source>
        <translation>Ollama 用のプログラム向けです。アドレスを指定できるときは、これを入れます。</translation>
    </message>
    <message>
        <source>A key is needed, and programs made for Ollama send none: let only this machine reach the server for them.</source>
        <translation>キーが必要ですが、Ollama 用のプログラムはキーを送りません。使うときは「このマシンのみ」にしてください。</translation>
    </message>
    <message>
        <source>Setting</source>
        <translation>設定</translation>
    </message>
    <message>
        <source>Its value</source>
        <translation>値</translation>
    </message>
    <message>
        <source>GitHub Copilot Chat takes models from an Ollama server, and Paddock is one: find this in the settings, then choose Manage Models and Ollama. Or use Continue.</source>
        <translation>GitHub Copilot Chat は Ollama サーバーのモデルを使え、Paddock もその一つです。設定でこれを探して値を入れ、Manage Models で Ollama を選びます。Continue も使えます。</translation>
    </message>
</context>
<context>
    <name>UsagePane</name>
    <message>
        <source>By model</source>
        <translation>モデル別</translation>
    </message>
    <message>
        <source>By key</source>
        <translation>キー別</translation>
    </message>
    <message>
        <source>By day</source>
        <translation>日別</translation>
    </message>
    <message>
        <source>Summed by</source>
        <translation>集計</translation>
    </message>
    <message>
        <source>Today</source>
        <translation>今日</translation>
    </message>
    <message>
        <source>Last 7 days</source>
        <translation>過去 7 日</translation>
    </message>
    <message>
        <source>This month</source>
        <translation>今月</translation>
    </message>
    <message>
        <source>All time</source>
        <translation>全期間</translation>
    </message>
    <message>
        <source>Time</source>
        <translation>期間</translation>
    </message>
    <message>
        <source>no hosted model</source>
        <translation>ホスト型モデルなし</translation>
    </message>
    <message>
        <source>What it would have cost at</source>
        <translation>ホスト型ならいくらか</translation>
    </message>
    <message>
        <source>Save as CSV</source>
        <translation>CSV で保存</translation>
    </message>
    <message>
        <source>Prices</source>
        <translation>料金</translation>
    </message>
    <message>
        <source>Usage</source>
        <translation>使用量</translation>
    </message>
    <message>
        <source>Model</source>
        <translation>モデル</translation>
    </message>
    <message>
        <source>Key</source>
        <translation>キー</translation>
    </message>
    <message>
        <source>Day</source>
        <translation>日</translation>
    </message>
    <message>
        <source>Requests</source>
        <translation>リクエスト</translation>
    </message>
    <message>
        <source>Failed</source>
        <translation>失敗</translation>
    </message>
    <message>
        <source>Tokens in</source>
        <translation>入力トークン</translation>
    </message>
    <message>
        <source>Cached</source>
        <translation>キャッシュ</translation>
    </message>
    <message>
        <source>Tokens out</source>
        <translation>出力トークン</translation>
    </message>
    <message>
        <source>At work</source>
        <translation>稼働</translation>
    </message>
    <message>
        <source>Cost</source>
        <translation>費用</translation>
    </message>
    <message>
        <source>At {model}</source>
        <translation>{model} の場合</translation>
    </message>
    <message>
        <source>Try again</source>
        <translation>もう一度</translation>
    </message>
    <message>
        <source>no model</source>
        <translation>モデルなし</translation>
    </message>
    <message>
        <source>without a key</source>
        <translation>キーなし</translation>
    </message>
    <message>
        <source>Waiting for Paddock's service.</source>
        <translation>Paddock のサービスを待っています。</translation>
    </message>
    <message>
        <source>Adding up …</source>
        <translation>集計しています…</translation>
    </message>
    <message>
        <source>Nothing was asked in this time.</source>
        <translation>この期間にリクエストはありません。</translation>
    </message>
    <message>
        <source>For a million tokens of {model}: {into} in, {out} out, {cached} cached ({currency}, {day}).</source>
        <translation>{model} の 100 万トークンあたり: 入力 {into}、出力 {out}、キャッシュ {cached}（{currency}、{day}）。</translation>
    </message>
    <message>
        <source>{count} failed</source>
        <translation>失敗 {count} 件</translation>
    </message>
    <message>
        <source>requests</source>
        <translation>件</translation>
    </message>
    <message>
        <source>{into} in, {out} out</source>
        <translation>入力 {into}、出力 {out}</translation>
    </message>
    <message>
        <source>tokens</source>
        <translation>トークン</translation>
    </message>
    <message>
        <source>{time} at work</source>
        <translation>稼働 {time}</translation>
    </message>
    <message>
        <source>at {model}</source>
        <translation>{model} の場合</translation>
    </message>
    <message>
        <source>No prices are set, so nothing has a cost.</source>
        <translation>料金が設定されていないため、費用は計算されません。</translation>
    </message>
    <message>
        <source>The prices count from now on.</source>
        <translation>これからのリクエストに料金が適用されます。</translation>
    </message>
    <message>
        <source>Save the usage</source>
        <translation>使用量を保存</translation>
    </message>
    <message>
        <source>Saved as {name}.</source>
        <translation>{name} として保存しました。</translation>
    </message>
</context>
<context>
    <name>ServerPage</name>
    <message>
        <source>Overview</source>
        <translation>概要</translation>
    </message>
    <message>
        <source>Requests</source>
        <translation>リクエスト</translation>
    </message>
    <message>
        <source>Keys</source>
        <translation>キー</translation>
    </message>
    <message>
        <source>Usage</source>
        <translation>使用量</translation>
    </message>
    <message>
        <source>Tools</source>
        <translation>ツール</translation>
    </message>
    <message>
        <source>Parts of the server's page</source>
        <translation>サーバーページの項目</translation>
    </message>
</context>
</TS>
