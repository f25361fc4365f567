<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="ja">
<context>
    <name>App</name>
    <message>
        <source>The service was started anew. The server is on again at {url}.</source>
        <translation>サービスを起動し直しました。サーバーはふたたび {url} で動いています。</translation>
    </message>
    <message>
        <source>The server stays on. Open or quit Paddock here.</source>
        <translation>サーバーは動き続けます。Paddock を開く、または終了するには、ここから操作できます。</translation>
    </message>
</context>
<context>
    <name>Commands</name>
    <message>
        <source>New chat</source>
        <translation>新しいチャット</translation>
    </message>
    <message>
        <source>Conversation</source>
        <translation>会話</translation>
    </message>
    <message>
        <source>Server</source>
        <translation>サーバー</translation>
    </message>
    <message>
        <source>Turn the server on</source>
        <translation>サーバーを起動</translation>
    </message>
    <message>
        <source>Turn the server off</source>
        <translation>サーバーを停止</translation>
    </message>
    <message>
        <source>Copy the base URL</source>
        <translation>ベース URL をコピー</translation>
    </message>
    <message>
        <source>The base URL was copied.</source>
        <translation>ベース URL をコピーしました。</translation>
    </message>
    <message>
        <source>Unload {model}</source>
        <translation>{model} を解放</translation>
    </message>
    <message>
        <source>Load {model}</source>
        <translation>{model} を読み込む</translation>
    </message>
    <message>
        <source>Look</source>
        <translation>外観</translation>
    </message>
    <message>
        <source>Language</source>
        <translation>言語</translation>
    </message>
    <message>
        <source>As the system</source>
        <translation>システムに合わせる</translation>
    </message>
    <message>
        <source>Light</source>
        <translation>ライト</translation>
    </message>
    <message>
        <source>Dark</source>
        <translation>ダーク</translation>
    </message>
    <message>
        <source>High contrast</source>
        <translation>ハイコントラスト</translation>
    </message>
    <message>
        <source>Settings</source>
        <translation>設定</translation>
    </message>
    <message>
        <source>Stop loading {model}</source>
        <translation>{model} の読み込みを中止</translation>
    </message>
</context>
<context>
    <name>Palette</name>
    <message>
        <source>Commands</source>
        <translation>コマンド</translation>
    </message>
    <message>
        <source>Go to, load, search conversations…</source>
        <translation>移動、読み込み、会話の検索…</translation>
    </message>
    <message>
        <source>Search commands and conversations</source>
        <translation>コマンドと会話を検索</translation>
    </message>
    <message>
        <source>Nothing found</source>
        <translation>見つかりませんでした</translation>
    </message>
</context>
<context>
    <name>ClosingDialog</name>
    <message>
        <source>Close Paddock</source>
        <translation>Paddock を閉じる</translation>
    </message>
    <message>
        <source>The server is on</source>
        <translation>サーバーが動いています</translation>
    </message>
    <message>
        <source>Programs can use it while no window is open. Open Paddock again to see it or to switch it off.</source>
        <translation>ウィンドウがなくても、ほかのプログラムから使えます。確認や停止をするには、もう一度 Paddock を開いてください。</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>キャンセル</translation>
    </message>
    <message>
        <source>Switch it off and close</source>
        <translation>停止して閉じる</translation>
    </message>
    <message>
        <source>Leave it on and close</source>
        <translation>動かしたまま閉じる</translation>
    </message>
</context>
<context>
    <name>ServiceBanner</name>
    <message>
        <source>The service restarts as soon as what it is doing is done</source>
        <translation>実行中の処理が終わりしだい、サービスを再起動します</translation>
    </message>
    <message>
        <source>Jobs in progress: {count}. What waits goes on after the restart.</source>
        <translation>実行中のジョブ: {count} 件。待機中のものは再起動後に続けます。</translation>
    </message>
    <message>
        <source>The running service is of an older version</source>
        <translation>動いているサービスのバージョンが古いです</translation>
    </message>
    <message>
        <source>The service is version {service}, this window is {client}. Restart the service to use what is new; what it is doing is finished first.</source>
        <translation>サービスはバージョン {service}、このウィンドウは {client} です。新しい機能を使うにはサービスを再起動してください。実行中の処理は先に終わらせます。</translation>
    </message>
    <message>
        <source>Restart the service</source>
        <translation>サービスを再起動</translation>
    </message>
    <message>
        <source>It may be very busy; it is asked again by itself. If it stays so, restart it: an answer in progress is cut off and kept as far as it came.</source>
        <translation>負荷が高いのかもしれません。自動で問い合わせを続けます。変わらないときは再起動してください。書きかけの回答は中断され、そこまでの内容は残ります。</translation>
    </message>
    <message>
        <source>It is being started.</source>
        <translation>起動しています。</translation>
    </message>
    <message>
        <source>The service is version {service}, this window is {client}: they do not understand each other. Restart the service; what it is doing is finished first.</source>
        <translation>サービスはバージョン {service}、このウィンドウは {client} のため、互いに通信できません。サービスを再起動してください。実行中の処理は先に終わらせます。</translation>
    </message>
</context>
<context>
    <name>SettingsDialog</name>
    <message>
        <source>Settings</source>
        <translation>設定</translation>
    </message>
    <message>
        <source>As the system</source>
        <translation>システムに合わせる</translation>
    </message>
    <message>
        <source>Light</source>
        <translation>ライト</translation>
    </message>
    <message>
        <source>Dark</source>
        <translation>ダーク</translation>
    </message>
    <message>
        <source>High contrast</source>
        <translation>ハイコントラスト</translation>
    </message>
    <message>
        <source>Language</source>
        <translation>言語</translation>
    </message>
    <message>
        <source>Look</source>
        <translation>外観</translation>
    </message>
    <message>
        <source>Port of the server</source>
        <translation>サーバーのポート</translation>
    </message>
    <message>
        <source>Close</source>
        <translation>閉じる</translation>
    </message>
</context>
<context>
    <name>Rail</name>
    <message>
        <source>Search</source>
        <translation>検索</translation>
    </message>
    <message>
        <source>Chat</source>
        <translation>チャット</translation>
    </message>
    <message>
        <source>Library</source>
        <translation>ライブラリー</translation>
    </message>
    <message>
        <source>Server</source>
        <translation>サーバー</translation>
    </message>
    <message>
        <source>Benchmark</source>
        <translation>ベンチマーク</translation>
    </message>
    <message>
        <source>Machine</source>
        <translation>マシン</translation>
    </message>
    <message>
        <source>Settings</source>
        <translation>設定</translation>
    </message>
    <message>
        <source>Show icons only, or words too</source>
        <translation>アイコンだけの表示と切り替える</translation>
    </message>
    <message>
        <source>on</source>
        <translation>動作中</translation>
    </message>
</context>
<context>
    <name>StatusBar</name>
    <message>
        <source>Waiting for the service</source>
        <translation>サービスを待っています</translation>
    </message>
    <message>
        <source>No model loaded</source>
        <translation>モデルは読み込まれていません</translation>
    </message>
    <message>
        <source>Checking memory</source>
        <translation>メモリを確認中</translation>
    </message>
    <message>
        <source>Reading file</source>
        <translation>ファイルを読み込み中</translation>
    </message>
    <message>
        <source>Placing layers</source>
        <translation>レイヤーを配置中</translation>
    </message>
    <message>
        <source>Warming up</source>
        <translation>準備運転中</translation>
    </message>
    <message>
        <source>Ready</source>
        <translation>準備完了</translation>
    </message>
    <message>
        <source>Stopping</source>
        <translation>停止中</translation>
    </message>
    <message>
        <source>Quantization</source>
        <translation>量子化</translation>
    </message>
    <message>
        <source>Conversion</source>
        <translation>変換</translation>
    </message>
    <message>
        <source>Conversion toolkit</source>
        <translation>変換ツールキット</translation>
    </message>
    <message>
        <source>Merging of adapters</source>
        <translation>アダプターのマージ</translation>
    </message>
    <message>
        <source>Splitting of a model</source>
        <translation>モデルの分割</translation>
    </message>
    <message>
        <source>Joining of a model</source>
        <translation>モデルの結合</translation>
    </message>
    <message>
        <source>Calibration</source>
        <translation>較正</translation>
    </message>
    <message>
        <source>Engine build</source>
        <translation>エンジンのビルド</translation>
    </message>
    <message>
        <source>1 job</source>
        <translation>ジョブ 1 件</translation>
    </message>
    <message>
        <source>{count} jobs</source>
        <translation>ジョブ {count} 件</translation>
    </message>
    <message>
        <source>Server on :{port}</source>
        <translation>サーバー動作中 :{port}</translation>
    </message>
    <message>
        <source>Copy the base URL</source>
        <translation>ベース URL をコピー</translation>
    </message>
    <message>
        <source>Server off</source>
        <translation>サーバー停止中</translation>
    </message>
    <message>
        <source>Open the Server page</source>
        <translation>サーバーのページを開く</translation>
    </message>
    <message>
        <source>Stop {kind} {number}</source>
        <translation>{kind} {number} を停止</translation>
    </message>
    <message>
        <source>The base URL was copied.</source>
        <translation>ベース URL をコピーしました。</translation>
    </message>
    <message>
        <source>Making room</source>
        <translation>場所を空けています</translation>
    </message>
    <message>
        <source>Unload models, or keep them loaded</source>
        <translation>モデルの解放と保持</translation>
    </message>
</context>
<context>
    <name>Tray</name>
    <message>
        <source>Server</source>
        <translation>サーバー</translation>
    </message>
    <message>
        <source>No model loaded</source>
        <translation>モデルは読み込まれていません</translation>
    </message>
    <message>
        <source>Copy base URL</source>
        <translation>ベース URL をコピー</translation>
    </message>
    <message>
        <source>Open Paddock</source>
        <translation>Paddock を開く</translation>
    </message>
    <message>
        <source>Quit</source>
        <translation>終了</translation>
    </message>
    <message>
        <source>server on</source>
        <translation>サーバー動作中</translation>
    </message>
    <message>
        <source>server off</source>
        <translation>サーバー停止中</translation>
    </message>
    <message>
        <source>{count} models loaded</source>
        <translation>{count} 個のモデルを読み込み済み</translation>
    </message>
</context>
<context>
    <name>CodeBox</name>
    <message>
        <source>Copy</source>
        <translation>コピー</translation>
    </message>
</context>
<context>
    <name>Toasts</name>
    <message>
        <source>Close</source>
        <translation>閉じる</translation>
    </message>
</context>
<context>
    <name>FirstRun</name>
    <message>
        <source>Welcome to Paddock</source>
        <translation>Paddock へようこそ</translation>
    </message>
    <message>
        <source>It finds out what language models this machine can run, and runs them here.</source>
        <translation>このマシンで動く言語モデルを調べ、ここで動かします。</translation>
    </message>
    <message>
        <source>This machine</source>
        <translation>このマシン</translation>
    </message>
    <message>
        <source>A model to try</source>
        <translation>すぐに試せるモデル</translation>
    </message>
    <message>
        <source>Where models are</source>
        <translation>モデルの保存場所</translation>
    </message>
    <message>
        <source>Language</source>
        <translation>言語</translation>
    </message>
    <message>
        <source>Models of other tools are found there too. Folders are added in the Library.</source>
        <translation>ほかのツールで取得したモデルも、ここから見つかります。フォルダーはライブラリーで追加できます。</translation>
    </message>
    <message>
        <source>Ask it something</source>
        <translation>質問してみる</translation>
    </message>
    <message>
        <source>Try again</source>
        <translation>もう一度試す</translation>
    </message>
    <message>
        <source>Skip</source>
        <translation>スキップ</translation>
    </message>
    <message>
        <source>Being looked at …</source>
        <translation>調べています…</translation>
    </message>
    <message>
        <source>{count} cores</source>
        <translation>{count} コア</translation>
    </message>
    <message>
        <source>{available} of {total} RAM available</source>
        <translation>RAM {total} のうち {available} が空き</translation>
    </message>
    <message>
        <source>no GPU</source>
        <translation>GPU なし</translation>
    </message>
    <message>
        <source>{model} is loaded and ready to answer.</source>
        <translation>{model} は読み込み済みで、すぐに答えられます。</translation>
    </message>
    <message>
        <source>{model} is being loaded …</source>
        <translation>{model} を読み込んでいます…</translation>
    </message>
    <message>
        <source>Waiting for the service</source>
        <translation>サービスを待っています</translation>
    </message>
</context>
<context>
    <name>Standing</name>
    <message>
        <source>Kept loaded</source>
        <translation>読み込んだまま保持</translation>
    </message>
    <message>
        <source>Stays loaded</source>
        <translation>読み込んだまま</translation>
    </message>
    <message>
        <source>Stays until {time} if not used</source>
        <translation>使わなければ {time} まで</translation>
    </message>
    <message>
        <source>It never makes room for another model and does not leave by itself.</source>
        <translation>ほかのモデルに場所を譲らず、自動で解放されることもありません。</translation>
    </message>
    <message>
        <source>It stays until it is unloaded or another model needs its room.</source>
        <translation>解放するか、ほかのモデルが場所を必要とするまで残ります。</translation>
    </message>
    <message>
        <source>Each use begins its time anew. It leaves earlier if another model needs room.</source>
        <translation>使うたびに時間が数え直されます。ほかのモデルが場所を必要とすると、それより早く解放されます。</translation>
    </message>
    <message>
        <source>{model} made room for {guest}.</source>
        <translation>{guest} のために {model} を解放しました。</translation>
    </message>
    <message>
        <source>{model} was not used for {time} and was unloaded.</source>
        <translation>{model} は {time} 使われなかったため解放しました。</translation>
    </message>
    <message>
        <source>{model} ended by itself and is started again in {time}. {why}</source>
        <translation>{model} が予期せず終了しました。{time} 後に再び起動します。{why}</translation>
    </message>
    <message>
        <source>The key “{key}” has used {percent} of its budget.</source>
        <translation>キー「{key}」は予算の {percent} を使いました。</translation>
    </message>
    <message>
        <source>The key “{key}” has used up its budget ({percent}) and is refused now.</source>
        <translation>キー「{key}」は予算を使い切りました（{percent}）。以後のリクエストは拒否されます。</translation>
    </message>
    <message>
        <source>The key “{key}” has used up its budget ({percent}).</source>
        <translation>キー「{key}」は予算を使い切りました（{percent}）。</translation>
    </message>
</context>
<context>
    <name>LoadedMenu</name>
    <message>
        <source>Unload {model}</source>
        <translation>{model} を解放</translation>
    </message>
    <message>
        <source>Stop loading {model}</source>
        <translation>{model} の読み込みを中止</translation>
    </message>
    <message>
        <source>Keep {model} loaded</source>
        <translation>{model} を読み込んだまま保持</translation>
    </message>
    <message>
        <source>Unload all</source>
        <translation>すべて解放</translation>
    </message>
    <message>
        <source>Open the Library</source>
        <translation>ライブラリを開く</translation>
    </message>
</context>
<context>
    <name>MainWindow</name>
    <message>
        <source>Open the keys</source>
        <translation>キーを開く</translation>
    </message>
    <message>
        <source>Requests cannot be stored at the moment; they are kept in memory.</source>
        <translation>リクエストを保存できません。今はメモリに保持しています。</translation>
    </message>
</context>
</TS>
